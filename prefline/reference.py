"""The reference pages, written from the code: `python -m prefline.reference` (`make docs`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from prefline.params import Params
from prefline.params.endpoints import Endpoint, Prices
from prefline.params.ladder import LadderParams
from prefline.params.stages import JudgeSpec, Source
from prefline.tables import SCHEMAS

_NOTE = "This page is written from the code by `make docs`; a test checks that it is up to date."


def tables_page() -> str:
    """`docs/tables.md`: every table with its columns, their types, meanings and units."""
    lines = [
        "# Tables",
        "",
        _NOTE,
        "",
        "Each table is a folder of Parquet files `data/<table>/part-00000.parquet`, zstd. Ids are",
        "content hashes: the first 16 hex digits of a SHA-256. `data/judgments/` also holds",
        "`metrics.json`; `data/review/` holds its rows as `queue.parquet` and `queue.jsonl`.",
    ]
    for name, schema in SCHEMAS.items():
        lines += ["", f"## {name}", ""]
        lines += ["| column | type | null | meaning |", "| --- | --- | --- | --- |"]
        lines += [_column_line(column) for column in schema]
    return "\n".join(lines) + "\n"


def _column_line(column: pa.Field[Any]) -> str:
    facts = {key.decode(): value.decode() for key, value in (column.metadata or {}).items()}
    unit = f" ({facts['unit']})" if "unit" in facts else ""
    kind = "list of {role, content}" if pa.types.is_list(column.type) else str(column.type)
    null = "yes" if column.nullable else ""
    return f"| `{column.name}` | {kind} | {null} | {facts['meaning']}{unit} |"


def params_page() -> str:
    """`docs/params.md`: every key of `params.yaml` with its type and default."""
    lines = ["# Params", "", _NOTE, ""]
    lines += ["`params.yaml` has one section per stage; a stage becomes stale only by its own.",
              "An unknown key is an error that names the nearest known one."]  # fmt: skip
    for name, field in Params.model_fields.items():
        if name != "endpoints":
            lines += _section_lines(field.alias or name, field.annotation)
    for title, section in {
        "an endpoint": Endpoint, "prices": Prices, "a source": Source, "a judge": JudgeSpec,
        "a ladder of judges": LadderParams,
    }.items():  # fmt: skip
        lines += _section_lines(title, section)
    return "\n".join(lines) + "\n"


def _section_lines(title: str, section: Any) -> list[str]:
    assert issubclass(section, BaseModel)
    about = (section.__doc__ or "").strip().split("\n\n")
    lines = ["", f"## {title}", "", *(" ".join(part.split()) for part in about), ""]
    lines += ["| key | type | default | meaning |", "| --- | --- | --- | --- |"]
    return lines + [_key_line(name, field) for name, field in section.model_fields.items()]


def _key_line(name: str, field: FieldInfo) -> str:
    default = "required" if field.default is PydanticUndefined else f"`{_shown(field.default)}`"
    kind = (
        field.annotation.__name__ if isinstance(field.annotation, type) else str(field.annotation)
    )
    for noise in (
        "prefline.params.endpoints.",
        "prefline.params.stages.",
        "prefline.params.ladder.",
        "typing.",
    ):
        kind = kind.replace(noise, "")
    return f"| `{name}` | {kind.replace('|', 'or')} | {default} | {field.description or ''} |"


def _shown(value: Any) -> Any:
    return value.model_dump() if isinstance(value, BaseModel) else value


PAGES = {"tables.md": tables_page, "params.md": params_page}

if __name__ == "__main__":
    for file, page in PAGES.items():
        (Path("docs") / file).write_text(page(), encoding="utf-8")
