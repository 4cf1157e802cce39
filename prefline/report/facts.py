"""Everything that the report tells, read from the tables and metrics of a project.

Tables are read by column and counted in Arrow; only the examples become Python rows.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from prefline.errors import TableError
from prefline.params import read_params
from prefline.project import Project
from prefline.quality import labels_line, quality_lines
from prefline.report.examples import Example, draw_examples
from prefline.tables import SCHEMAS, read_table

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a run. A part that is not made yet is empty."""

    release: Json
    params: Json
    sampled: Json
    generated: Json
    judged: Json
    paired: Json
    validation: Json
    quality: list[str]
    splits: dict[str, int]
    rejections: list[Json]
    p_chosen: list[Json]
    lengths: list[Json]
    confusion: list[Json]
    costs: list[Json]
    examples: list[Example]


def read_facts(project: Project) -> Facts:
    """Read all there is. Raises `TableError` only for a table that is there and damaged."""
    preferences = _table(project, "preferences")
    judgments = _table(project, "judgments")
    responses = _table(project, "responses")
    judged, paired = _json(project.metrics("judge")), _json(project.metrics("pair"))
    return Facts(
        release=_json(project.release),
        params=read_params(project.params).model_dump(mode="json", by_alias=True),
        sampled=_json(project.metrics("sample")),
        generated=_json(project.metrics("generate")),
        judged=judged,
        paired=paired,
        validation=_json(project.table("validation") / "results.json"),
        quality=[*quality_lines(judged, paired), labels_line(paired)] if judged and paired else [],
        splits=_counts(preferences, "split"),
        rejections=_rejections(_table(project, "rejections")),
        p_chosen=_histogram(preferences),
        lengths=_lengths(preferences),
        confusion=_confusion(judgments),
        costs=[*_costs("generate", "model", responses), *_costs("judge", "judge", judgments)],
        examples=draw_examples(preferences, judgments),
    )


def _table(project: Project, name: str) -> pa.Table:
    folder = project.table(name)
    if not any(folder.glob("part-*.parquet")):
        return SCHEMAS[name].empty_table()
    return read_table(folder)


def _json(path: Path) -> Json:
    try:
        found: Json = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except orjson.JSONDecodeError as error:
        raise TableError(
            f"{path} is not valid JSON: {error}", "make it again: `dvc repro`"
        ) from error
    return found


def _counts(table: pa.Table, column: str) -> dict[str, int]:
    return dict(sorted(Counter(str(value) for value in table[column].to_pylist()).items()))


def _rejections(table: pa.Table) -> list[Json]:
    found = Counter(zip(table["stage"].to_pylist(), table["reason"].to_pylist(), strict=True))
    return [
        {"stage": stage, "reason": reason, "items": count}
        for (stage, reason), count in sorted(found.items(), key=lambda item: (-item[1], item[0]))
    ]


def _histogram(preferences: pa.Table) -> list[Json]:
    """Preferences by their probability, in steps of 0.05, and by what the label rests on."""
    steps = [int(float(p or 0) * 20) for p in preferences["p_chosen"].to_pylist()]
    sources = preferences["label_source"].to_pylist()
    found = Counter(zip(steps, sources, strict=True))
    return [
        {"from": step / 20, "to": (step + 1) / 20, "label_source": source, "rows": count}
        for (step, source), count in sorted(found.items())
    ]


def _lengths(preferences: pa.Table) -> list[Json]:
    """How often the longer answer was chosen, by how much the two differ: four equal groups."""
    sizes = {
        side: pc.utf8_length(pc.struct_field(pc.list_element(preferences[side], 0), "content"))
        for side in ("chosen", "rejected")
    }
    differ = [
        (abs(chosen - rejected), chosen > rejected)
        for chosen, rejected in zip(*(column.to_pylist() for column in sizes.values()), strict=True)
        if chosen != rejected
    ]
    differ.sort()
    groups = [differ[len(differ) * k // 4 : len(differ) * (k + 1) // 4] for k in range(4)]
    return [
        {
            "difference": f"{group[0][0]} to {group[-1][0]} characters",
            "longer_chosen": sum(longer for _, longer in group) / len(group),
            "rows": len(group),
        }
        for group in groups
        if group
    ]


def _confusion(judgments: pa.Table) -> list[Json]:
    """The verdicts of each model judge against the verifier's on the same pair."""
    rows = judgments.select(["first_id", "second_id", "judge", "method", "verdict"]).to_pylist()
    turned = {"first": "second", "second": "first"}
    gold: dict[tuple[str, str], str] = {}
    for row in rows:
        if row["method"] == "verifier":
            gold[row["first_id"], row["second_id"]] = row["verdict"]
            verdict = turned.get(row["verdict"], row["verdict"])
            gold[row["second_id"], row["first_id"]] = verdict
    found = Counter(
        (row["judge"], gold[row["first_id"], row["second_id"]], row["verdict"])
        for row in rows
        if row["method"] != "verifier" and (row["first_id"], row["second_id"]) in gold
    )
    return [
        {"judge": judge, "verifier": right, "said": said, "verdicts": count}
        for (judge, right, said), count in sorted(found.items())
    ]


def _costs(stage: str, column: str, table: pa.Table) -> list[Json]:
    called = table.filter(pc.is_valid(table["request_key"]))
    sums = called.group_by(column).aggregate(
        [("request_key", "count"), ("input_tokens", "sum"), ("output_tokens", "sum"),
         ("cost_usd", "sum")]
    )  # fmt: skip
    return [
        {
            "stage": stage,
            "by": row[column],
            "calls": row["request_key_count"],
            "input_tokens": row["input_tokens_sum"] or 0,
            "output_tokens": row["output_tokens_sum"] or 0,
            "cost_usd": row["cost_usd_sum"] or 0.0,
        }
        for row in sums.sort_by(column).to_pylist()
    ]
