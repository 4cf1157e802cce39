"""The audit table of a public set of judged answers (docs/formats.md)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from prefline.audit.table import COLUMNS, TEXT
from prefline.config import LAYOUTS
from prefline.errors import InputError
from prefline.ids import content_id, pair_id
from prefline.sources import read_rows
from prefline.sources.judged_sets import JudgedRow, UnusableRow, read_judged

_SCHEMA = pa.schema([(name, pa.string() if name in TEXT else pa.float64()) for name in COLUMNS])


@dataclass(frozen=True, slots=True)
class SetVerdicts:
    """The verdicts of a set as an audit table, in which each annotator is a judge, and the set
    where none is named; whether these judges are people; and what has no verdict, by reason."""

    table: pa.Table
    by_people: bool
    left_out: Mapping[str, int]


def read_set(path: Path, layout: str) -> SetVerdicts:
    """Read the verdicts of a file of the set that `layout` names.

    Raises `InputError` for an unknown layout, and for a row of another shape.
    """
    if layout not in LAYOUTS.names():
        raise InputError(
            f"there is no layout {layout!r}", f"name one of {', '.join(LAYOUTS.names())}"
        )
    rows: list[dict[str, Any]] = []
    left_out = Counter[str]()
    for _, judged in read_judged(layout, read_rows(path)):
        if isinstance(judged, UnusableRow):
            left_out[judged.reason] += 1
            continue
        for row in _verdicts(judged, layout):
            if row["first_id"] == row["second_id"]:
                left_out["same_text"] += 1
            else:
                rows.append(row)
    names = [name for name in COLUMNS if any(row.get(name) is not None for row in rows)]
    table = pa.Table.from_pylist(rows, _SCHEMA).select(names)
    return SetVerdicts(table, LAYOUTS.get(layout).labels == "people", dict(left_out))


def _verdicts(judged: JudgedRow, layout: str) -> Iterator[dict[str, Any]]:
    prompt = content_id("prompt", judged.messages)
    ids = [content_id("answer", prompt, answer.text.strip()) for answer in judged.answers]
    for verdict in judged.verdicts:
        row: dict[str, Any] = {
            "pair_id": pair_id(ids[verdict.first], ids[verdict.second]),
            "judge": verdict.annotator or layout,
            "verdict": verdict.side,
            "prompt_id": prompt,
            "category": judged.category,
        }
        for side, place in (("first", verdict.first), ("second", verdict.second)):
            answer = judged.answers[place]
            row |= {
                f"{side}_id": ids[place],
                f"{side}_model": answer.model,
                f"{side}_length": len(answer.text),
            }
        yield row
