"""Where prompts come from: the sources of the section `sample`."""

from __future__ import annotations

import difflib
from typing import Literal

from pydantic import Field, model_validator

from prefline.config.section import Section

FIELDS = (
    "prompt", "messages", "system", "id", "category", "license", "template", "reference",
    "verifier",
)  # fmt: skip
"""What a row of a source may hold."""


class Source(Section):
    """Prompts: a file, a dataset of the Hugging Face Hub, or a query over files."""

    name: str = Field(min_length=1)
    path: str | None = Field(
        None,
        min_length=1,
        description="JSONL, CSV or Parquet, by its ending, here or at s3://bucket/key; or "
        "hf://owner/name",
    )
    sql: str | None = Field(None, min_length=1, description="a SELECT, by DuckDB, over `files`")
    files: dict[str, str] = Field(
        default_factory=dict, description="the tables of `sql`: name: path; it can read no others"
    )
    format: Literal["rows", "chat_log"] = Field(
        "rows", description="chat_log: logged requests of /chat/completions, their answers dropped"
    )
    columns: dict[str, str] = Field(
        default_factory=dict,
        description="field: the source's column that it is taken from; others are left out. Fields "
        f"are {', '.join(FIELDS)}",
    )
    category: str | None = Field(None, description="of rows that name none")
    license: str | None = Field(None, description="of rows that name none")
    weight: float | None = Field(
        None, gt=0, description="share of the draw, relative to the other sources' weights"
    )
    sha256: str | None = Field(
        None, pattern="^[0-9a-f]{64}$", description="of the file; another one is an error"
    )
    subset: str | None = Field(None, description="configuration of a dataset of the Hub")
    split: str = Field("train", description="of a dataset of the Hub")
    revision: str | None = Field(None, description="commit, tag or branch of a dataset of the Hub")

    @model_validator(mode="after")
    def _is_one_kind(self) -> Source:
        if (self.path is None) == (self.sql is None):
            raise ValueError("give `path` or `sql`, one of them")
        if (self.sql is None) != (not self.files):
            raise ValueError("`sql` and `files` go together: a query reads the files named there")
        hub = self.path is not None and self.path.startswith("hf://")
        if not hub and (self.subset, self.split, self.revision) != (None, "train", None):
            raise ValueError(
                "`subset`, `split` and `revision` are of a path that begins with hf://"
            )
        if self.sha256 and (hub or self.sql):
            raise ValueError("`sha256` is of one file; a dataset of the Hub has a `revision`")
        return self

    @model_validator(mode="after")
    def _columns_are_of_fields(self) -> Source:
        for field in self.columns:
            if field not in FIELDS:
                near = difflib.get_close_matches(field, FIELDS, 1)
                meant = f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(FIELDS)}"
                raise ValueError(f"columns.{field}: unknown field{meant}")
        if self.columns and self.format == "chat_log":
            raise ValueError("`columns` are of `format: rows`; a log says itself what is what")
        if self.columns and not {"prompt", "messages"} & self.columns.keys():
            raise ValueError("`columns` must say which column is the `prompt`, or the `messages`")
        return self
