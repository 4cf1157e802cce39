"""Datasets of the Hugging Face Hub, streamed by `datasets`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
from pydantic import Field, model_validator

from prefline.config import Source
from prefline.errors import InputError
from prefline.sources.rows import OpenedSource, Row, check_columns, wanted_columns

_SCHEME = "hf://"


class HubSource(Source):
    """A dataset of the Hugging Face Hub, or a folder that is laid out like one, streamed."""

    path: str = Field(min_length=1, description="hf://owner/name, or hf:// and a folder")
    subset: str | None = Field(None, description="configuration of the dataset")
    split: str = "train"
    revision: str | None = Field(None, description="commit, tag or branch")

    @model_validator(mode="before")
    @classmethod
    def _has_no_hash(cls, value: Any) -> Any:
        if isinstance(value, dict) and value.get("sha256") is not None:
            raise ValueError("`sha256` is of one file; a dataset of the Hub has a `revision`")
        return value

    def open(self, root: Path) -> OpenedSource:  # noqa: ARG002 -- its folders are no project's
        """Open the dataset, and note the commit that its revision is today.

        Raises `InputError` if the Hub has no such dataset or cannot be reached.
        """
        commit = self._resolve_commit()
        origin = {
            "path": self.path, "subset": self.subset, "split": self.split, "revision": commit,
        }  # fmt: skip
        # Read at that commit: between two requests a branch may move on.
        return OpenedSource(self._read(commit or self.revision), origin)

    @property
    def location(self) -> str:
        """The address."""
        return self.path

    @property
    def _dataset(self) -> str:
        return self.path.removeprefix(_SCHEME)

    def _resolve_commit(self) -> str | None:
        """Return the commit of the revision; None for a folder, which has none."""
        if Path(self._dataset).is_dir():
            return None
        from huggingface_hub import HfApi
        from huggingface_hub.errors import HfHubHTTPError

        try:
            return HfApi().dataset_info(self._dataset, revision=self.revision).sha
        except (HfHubHTTPError, OSError, ValueError) as error:
            raise self._unreadable(error) from error

    def _read(self, revision: str | None) -> Iterator[Row]:
        """Return the rows of the split, as they come over the network.

        Raises `InputError` if it cannot be read, or lacks a column that is wanted.
        """
        try:
            from datasets import load_dataset
            from datasets.exceptions import DatasetsError
        except ImportError as error:
            raise InputError(
                f"{self.path} is a dataset of the Hub, and `datasets` is not installed",
                "install it: `uv sync --extra pipeline`, or `pip install datasets`",
            ) from error
        try:
            rows = load_dataset(
                self._dataset, self.subset, split=self.split, revision=revision, streaming=True
            )
            wanted = sorted(wanted_columns(self) or ())
            if wanted and rows.column_names is not None:
                check_columns(self.path, rows.column_names, wanted)
                rows = rows.select_columns(wanted)
            for number, row in enumerate(rows, 1):
                yield f"{self.path} ({self.split}), row {number}", dict(row)
        except (DatasetsError, OSError, ValueError, pa.ArrowException) as error:
            raise self._unreadable(error) from error

    def _unreadable(self, error: Exception) -> InputError:
        return InputError(
            f"{self.path} cannot be read: {error}",
            "correct `path`, `subset`, `split` and `revision` of the source; a private dataset "
            "needs HF_TOKEN, and without a network only a folder can be read",
        )
