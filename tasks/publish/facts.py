"""What the dataset card of a version tells, gathered from the project."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from prefline.config import EndpointJudge, Judge
from prefline.config.principles import Principle
from prefline.labeling.quality import quality_lines
from prefline.releases.card import CardFacts, FormatFacts, JudgeFacts, ModelFacts, SourceFacts
from prefline.releases.manifest import PREFERENCE
from prefline.tables import read_table, texts
from prefline.tables.calls import count_calls_by, each_call
from tasks.publish.formats import publish_formats
from tasks.publish.inputs import PublishInputs
from tasks.publish.parent import Meaning
from tasks.publish.write import Written

COLUMNS = ("prompt_id", "chosen_model", "rejected_model", "label_source")
_SAMPLE_ROWS = 3
_REMOVED = ("prefers_first", "position_bias", "win_rate_longer", "length_bias")
_FIGURES = (
    "prefers_first", "position_bias", "win_rate_longer", "length_bias", "self_preference",
    "intransitive", "inconsistent",
)  # fmt: skip
_OF_LABELS = ("accuracy", "accuracy_of_preferences", "brier", "ece")


_CHARGES = ("input_tokens", "output_tokens", "cost_usd")
_KEY = "request_key"
Cost = dict[str, float]


@dataclass(frozen=True, slots=True)
class Found:
    """What publishing itself has found out: the files, the costs, the parent and its changes."""

    rows: pa.Table
    written: Written
    costs: Mapping[str, Costs]
    meaning: Meaning
    parent: int | None
    changes: Mapping[str, Any]
    forced: Mapping[str, Any] | None


def facts_of(made: PublishInputs, found: Found) -> CardFacts:
    """The facts; `found.rows` holds the columns of `COLUMNS` and of the order."""
    params = made.params
    publish = params.publish
    against = made.paired.get("reviews", {}).get("against_people", {}).get("random", {})
    return CardFacts(
        dataset=publish.dataset,
        channel=publish.channel,
        store=publish.store,
        license=publish.license,
        formats=format_facts(publish.formats, found.written),
        sources=read_sources(made.project.table("prompts"), found.rows),
        categories=_counts(found.rows, "category"),
        label_sources=_counts(found.rows, "label_source"),
        models=_models(made, found.rows),
        generation=_generation(made),
        judges=[_judge(one, made, made.principles()) for one in params.judge.judges],
        thresholds=found.meaning["thresholds"],
        quality=quality_lines(made.judged, made.paired),
        against_people={name: against[name] for name in _OF_LABELS if name in against},
        rejections=_rejections(made),
        validation=made.validation,
        costs={
            (stage, name): one
            for stage, costs in found.costs.items()
            for name, one in costs.by_name.items()
        },
        sample=_sample(found.written),
        parent=found.parent,
        changes=found.changes,
        forced=found.forced,
        meaning=found.meaning["fingerprint"],
        major=publish.major,
    )


def format_facts(names: Sequence[str], written: Written) -> list[FormatFacts]:
    """Rows of each format by split, and what it left out."""
    rows: dict[str, dict[str, int]] = {name: {} for name in names}
    for one in written.files:
        counts = rows[one.format]
        counts[one.split] = counts.get(one.split, 0) + pq.read_metadata(one.path).num_rows
    return [
        FormatFacts(
            name=one.name,
            rows=rows[one.name],
            left_out={
                one.left_out.get(reason, reason): count
                for reason, count in written.left_out.get(one.name, {}).items()
            },
            description=one.description,
            hub_tags=one.hub_tags,
        )
        for one in publish_formats(names)
    ]


def _models(made: PublishInputs, rows: pa.Table) -> list[ModelFacts]:
    chosen, rejected = (_counts(rows, f"{side}_model") for side in ("chosen", "rejected"))
    asked = {one.model: one.base_url for one in made.params.generate.endpoints}
    return [
        ModelFacts(name, chosen.get(name, 0), rejected.get(name, 0), asked.get(name, ""))
        for name in sorted(chosen.keys() | rejected.keys())
    ]


def _generation(made: PublishInputs) -> dict[str, Any]:
    generate = made.params.generate
    names = ("samples_per_prompt", "temperature", "top_p", "max_tokens", "seed", "system_prompt")
    settings = {name: getattr(generate, name) for name in names}
    if generate.revision:
        settings["rounds of critique and revision"] = generate.revision.rounds
    return {name: value for name, value in settings.items() if value is not None}


def _judge(
    judge: Judge, made: PublishInputs, principles: Mapping[str, Sequence[Principle]]
) -> JudgeFacts:
    endpoint = judge.endpoint if isinstance(judge, EndpointJudge) else None
    measured = made.judged["judges"].get(judge.name, {})
    calibration = made.paired["calibration"].get(judge.name, {})
    return JudgeFacts(
        name=judge.name,
        method=judge.description,
        model=endpoint.model if endpoint else "",
        at=endpoint.base_url if endpoint else "",
        principles=[(one.id, one.choose) for one in principles.get(judge.name, ())],
        figures={name: measured[name] for name in _FIGURES if endpoint and name in measured},
        # The label model estimates both and takes them off (docs/architecture.md).
        removed=_REMOVED if calibration.get("fitted") else (),
        warnings=calibration.get("warnings", ()),
    )


def _rejections(made: PublishInputs) -> dict[tuple[str, str], int]:
    rows = read_table(made.project.table("rejections"), columns=["stage", "reason"])
    counted = rows.group_by(["stage", "reason"]).aggregate([([], "count_all")])
    return {(row["stage"], row["reason"]): row["count_all"] for row in counted.to_pylist()}


def _sample(written: Written) -> list[dict[str, Any]]:
    """The first rows, of `train` where there is one."""
    files = [one for one in written.files if one.format == PREFERENCE]
    if not files:
        return []
    first = next((one for one in files if one.split == "train"), files[0])
    batch = next(pq.ParquetFile(first.path).iter_batches(_SAMPLE_ROWS))
    return pa.Table.from_batches([batch]).to_pylist()


def _counts(rows: pa.Table, name: str) -> dict[str, int]:
    return dict(sorted(Counter(texts(rows, name)).items()))


@dataclass(frozen=True, slots=True)
class Costs:
    """The calls, tokens and USD of one stage: in all, and of each name that occurs, 0 for one
    whose rows were made elsewhere."""

    total: Cost
    by_name: Mapping[str, Cost]


def read_costs(table: Path, name: str) -> Costs:
    """The costs of the rows of a table by its column `name`; see `costs_of`."""
    return costs_of(read_table(table, columns=[name, _KEY, *_CHARGES]), name)


def costs_of(table: pa.Table, name: str) -> Costs:
    """What the line's own calls took; what was called elsewhere and imported is none of them."""
    called = table.filter(pc.is_valid(table[_KEY]))
    calls = count_calls_by(called, name)
    sums = called.group_by(name, use_threads=False).aggregate([(one, "sum") for one in _CHARGES])
    spent = {row[name]: row for row in sums.to_pylist()}
    names = sorted(str(one) for one in pc.unique(table[name]).to_pylist())
    calls_in_all = pc.count_distinct(each_call(called)[_KEY]).as_py()
    return Costs(
        total={"calls": calls_in_all, **{one: _sum(called[one]) for one in _CHARGES}},
        by_name={
            one: {"calls": calls.get(one, 0)}
            | {charge: spent.get(one, {}).get(f"{charge}_sum") or 0 for charge in _CHARGES}
            for one in names
        },
    )


def _sum(column: Any) -> float:
    return pc.sum(column).as_py() or 0


def read_sources(prompts: Path, preferences: pa.Table) -> list[SourceFacts]:
    """The sources of the preferences by name; `prompts` is the table that holds licences."""
    return sources_of(read_table(prompts, columns=["prompt_id", "license"]), preferences)


def sources_of(prompts: pa.Table, preferences: pa.Table) -> list[SourceFacts]:
    """The sources with their rows, their different prompts, and those prompts by licence."""
    ids, names = texts(preferences, "prompt_id"), texts(preferences, "source")
    known = dict(zip(texts(prompts, "prompt_id"), texts(prompts, "license"), strict=True))
    seen: dict[str, set[str]] = {}
    for name, prompt in zip(names, ids, strict=True):
        seen.setdefault(name, set()).add(prompt)
    rows = Counter(names)
    return [
        SourceFacts(name, rows[name], len(mine), _licenses(known, mine))
        for name, mine in sorted(seen.items())
    ]


def _licenses(known: Mapping[str, str], prompts: Iterable[str]) -> dict[str, int]:
    counted = Counter(known.get(prompt, "unknown") for prompt in prompts)
    return dict(sorted(counted.items()))
