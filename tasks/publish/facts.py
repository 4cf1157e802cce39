"""The facts on the dataset card of a version, gathered from the project."""

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
from prefline.labeling.quality import by_judges, quality_lines
from prefline.releases.card import CardData, FormatData, JudgeData, ModelData, SourceData
from prefline.releases.manifest import PREFERENCE
from prefline.tables import read_table, texts
from prefline.tables.calls import count_calls_by, each_call
from tasks.publish.inputs import PublishInputs
from tasks.publish.parent import Meaning
from tasks.publish.thinking import declared_formats
from tasks.publish.write import Written

COLUMNS = ("prompt_id", "chosen_model", "rejected_model", "label_source")
_SAMPLE_ROWS = 3
_OF_POSITION = ("prefers_first", "position_bias")
_OF_LENGTH = ("win_rate_longer", "length_bias")
_FIGURES = (
    "prefers_first", "position_bias", "win_rate_longer", "length_bias", "self_preference",
    "intransitive", "inconsistent",
)  # fmt: skip
_OF_LABELS = ("accuracy", "accuracy_of_preferences", "brier", "ece")


_CHARGES = ("input_tokens", "output_tokens", "cost_usd")
_KEY = "request_key"
Cost = dict[str, float]


@dataclass(frozen=True, slots=True)
class PublishResults:
    """The results of publishing itself: the files, the costs, the parent and its changes."""

    rows: pa.Table
    written: Written
    costs: Mapping[str, Costs]
    meaning: Meaning
    parent: int | None
    changes: Mapping[str, Any]
    forced: Mapping[str, Any] | None
    warrant: Mapping[str, Any]


def facts_of(inputs: PublishInputs, results: PublishResults) -> CardData:
    """Return the facts; `results.rows` holds the columns of `COLUMNS` and of the order."""
    params = inputs.params
    publish = params.publish
    measured = inputs.paired.get("reviews", {}).get("against_people", {}).get("random", {})
    sources = _counts(results.rows, "label_source")
    # What judges would have said is no figure of labels by others.
    against = measured if by_judges(sources) else {}
    return CardData(
        dataset=publish.dataset,
        channel=publish.channel,
        store=publish.store,
        license=publish.license,
        formats=format_facts(publish.formats, results.written, publish.reasoning),
        sources=read_sources(inputs.project.table("prompts"), results.rows),
        categories=_counts(results.rows, "category"),
        label_sources=sources,
        models=_models(inputs, results.rows),
        generation=_generation(inputs),
        judges=[_judge(judge, inputs, inputs.principles()) for judge in params.judge.judges],
        thresholds=results.meaning["thresholds"],
        quality=quality_lines(inputs.judged, inputs.paired),
        warrant=results.warrant,
        against_people={name: against[name] for name in _OF_LABELS if name in against},
        rejections=_rejections(inputs),
        validation=inputs.validation,
        costs={
            (stage, name): one
            for stage, costs in results.costs.items()
            for name, one in costs.by_name.items()
        },
        sample=_sample(results.written),
        parent=results.parent,
        changes=results.changes,
        forced=results.forced,
        meaning=results.meaning["fingerprint"],
        major=publish.major,
    )


def format_facts(
    names: Sequence[str], written: Written, reasoning: str = "drop"
) -> list[FormatData]:
    """Return rows of each format by split, and what it left out."""
    rows: dict[str, dict[str, int]] = {name: {} for name in names}
    for file in written.files:
        counts = rows[file.format]
        counts[file.split] = counts.get(file.split, 0) + pq.read_metadata(file.path).num_rows
    return [
        FormatData(
            name=declared.name,
            rows=rows[declared.name],
            left_out={
                declared.left_out.get(reason, reason): count
                for reason, count in written.left_out.get(declared.name, {}).items()
            },
            description=declared.description,
            hub_tags=declared.hub_tags,
        )
        for declared in declared_formats(names, reasoning)
    ]


def _models(inputs: PublishInputs, rows: pa.Table) -> list[ModelData]:
    chosen, rejected = (_counts(rows, f"{side}_model") for side in ("chosen", "rejected"))
    asked = {endpoint.model: endpoint.base_url for endpoint in inputs.params.generate.endpoints}
    return [
        ModelData(name, chosen.get(name, 0), rejected.get(name, 0), asked.get(name, ""))
        for name in sorted(chosen.keys() | rejected.keys())
    ]


def _generation(inputs: PublishInputs) -> dict[str, Any]:
    generate = inputs.params.generate
    if not generate.endpoints:  # all responses were imported
        return {}
    names = ("samples_per_prompt", "temperature", "top_p", "max_tokens", "seed", "system_prompt")
    settings = {name: getattr(generate, name) for name in names}
    if generate.revision:
        settings["rounds of critique and revision"] = generate.revision.rounds
    return {name: value for name, value in settings.items() if value is not None}


def _judge(
    judge: Judge, inputs: PublishInputs, principles: Mapping[str, Sequence[Principle]]
) -> JudgeData:
    endpoint = judge.endpoint if isinstance(judge, EndpointJudge) else None
    measured = inputs.judged["judges"].get(judge.name, {})
    calibration = inputs.paired["calibration"].get(judge.name, {})
    return JudgeData(
        name=judge.name,
        method=judge.description,
        model=endpoint.model if endpoint else "",
        at=endpoint.base_url if endpoint else "",
        principles=[(one.id, one.choose) for one in principles.get(judge.name, ())],
        figures={name: measured[name] for name in _FIGURES if endpoint and name in measured},
        # The label model estimates both and takes them off (docs/architecture.md).
        removed=_removed(calibration),
        warnings=calibration.get("warnings", ()),
    )


def _removed(calibration: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the figures of the biases that the label model took off."""
    position = _OF_POSITION if calibration.get("position_bias") else ()
    return (*position, *(_OF_LENGTH if calibration.get("length_bias") else ()))


def _rejections(inputs: PublishInputs) -> dict[tuple[str, str], int]:
    rows = read_table(inputs.project.table("rejections"), columns=["stage", "reason"])
    counted = rows.group_by(["stage", "reason"]).aggregate([([], "count_all")])
    return {(row["stage"], row["reason"]): row["count_all"] for row in counted.to_pylist()}


def _sample(written: Written) -> list[dict[str, Any]]:
    """Return the first rows, of `train` where there is one."""
    files = [file for file in written.files if file.format == PREFERENCE]
    if not files:
        return []
    first = next((file for file in files if file.split == "train"), files[0])
    batch = next(pq.ParquetFile(first.path).iter_batches(_SAMPLE_ROWS))
    return pa.Table.from_batches([batch]).to_pylist()


def _counts(rows: pa.Table, name: str) -> dict[str, int]:
    return dict(sorted(Counter(texts(rows, name)).items()))


@dataclass(frozen=True, slots=True)
class Costs:
    """The calls, tokens and USD of one stage: in all, and of each name that occurs, 0 for one
    whose rows were inputs elsewhere."""

    total: Cost
    by_name: Mapping[str, Cost]


def read_costs(table: Path, name: str, rejections: Path | None = None) -> Costs:
    """Return the costs of the rows of a table by its column `name`; see `costs_of`. Those of
    `rejections` that were paid for all the same are in the total."""
    costs = costs_of(read_table(table, columns=[name, _KEY, *_CHARGES]), name)
    if rejections is None or not rejections.is_file():  # as in projects made elsewhere
        return costs
    paid = read_table(rejections, columns=[_KEY, "cost_usd"])
    paid = paid.filter(pc.is_valid(paid[_KEY]))
    total = costs.total | {
        "calls": costs.total["calls"] + paid.num_rows,
        "cost_usd": costs.total["cost_usd"] + _sum(paid["cost_usd"]),
    }
    return Costs(total, costs.by_name)


def costs_of(table: pa.Table, name: str) -> Costs:
    """Return what the pipeline's own calls took; what was called elsewhere and imported is none of
    them."""
    called = table.filter(pc.is_valid(table[_KEY]))
    calls = count_calls_by(called, name)
    sums = called.group_by(name, use_threads=False).aggregate(
        [(charge, "sum") for charge in _CHARGES]
    )
    spent = {row[name]: row for row in sums.to_pylist()}
    names = sorted(str(one) for one in pc.unique(table[name]).to_pylist())
    calls_in_all = pc.count_distinct(each_call(called)[_KEY]).as_py()
    return Costs(
        total={"calls": calls_in_all, **{charge: _sum(called[charge]) for charge in _CHARGES}},
        by_name={
            one: {"calls": calls.get(one, 0)}
            | {charge: spent.get(one, {}).get(f"{charge}_sum") or 0 for charge in _CHARGES}
            for one in names
        },
    )


def _sum(column: Any) -> float:
    return pc.sum(column).as_py() or 0


def read_sources(prompts: Path, preferences: pa.Table) -> list[SourceData]:
    """Return the sources of the preferences by name; `prompts` is the table that holds licences."""
    return sources_of(read_table(prompts, columns=["prompt_id", "license"]), preferences)


def sources_of(prompts: pa.Table, preferences: pa.Table) -> list[SourceData]:
    """Return the sources with their rows, their different prompts, and those prompts by licence."""
    ids, names = texts(preferences, "prompt_id"), texts(preferences, "source")
    known = dict(zip(texts(prompts, "prompt_id"), texts(prompts, "license"), strict=True))
    seen: dict[str, set[str]] = {}
    for name, prompt in zip(names, ids, strict=True):
        seen.setdefault(name, set()).add(prompt)
    rows = Counter(names)
    return [
        SourceData(name, rows[name], len(mine), _licenses(known, mine))
        for name, mine in sorted(seen.items())
    ]


def _licenses(known: Mapping[str, str], prompts: Iterable[str]) -> dict[str, int]:
    counted = Counter(known.get(prompt, "unknown") for prompt in prompts)
    return dict(sorted(counted.items()))
