"""The facts on the dataset card of a version, gathered from the project."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
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
from prefline.tables import StoredTable, iter_batches
from prefline.tables.costs import Costs
from prefline.tables.joining import Rows, batches_of, duckdb_errors, offer, open_duckdb
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


@dataclass(frozen=True, slots=True)
class PublishResults:
    """The results of publishing itself: the files, the costs, the parent and its changes."""

    rows: StoredTable
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
    sources = count_values(results.rows, "label_source")
    # What judges would have said is no figure of labels by others.
    against = measured if by_judges(sources) else {}
    return CardData(
        dataset=publish.dataset,
        channel=publish.channel,
        store=publish.store,
        license=publish.license,
        formats=format_facts(publish.formats, results.written, publish.reasoning),
        sources=read_sources(
            inputs.project.table("prompts"),
            results.rows,
            work=inputs.work,
            memory_gb=params.tables.memory_gb,
        ),
        categories=count_values(results.rows, "category"),
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


def _models(inputs: PublishInputs, rows: StoredTable) -> list[ModelData]:
    chosen, rejected = (count_values(rows, f"{side}_model") for side in ("chosen", "rejected"))
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
    counts: Counter[tuple[str, str]] = Counter()
    for batch in iter_batches(inputs.project.table("rejections"), columns=["stage", "reason"]):
        rows = pa.Table.from_batches([batch])
        counted = rows.group_by(["stage", "reason"]).aggregate([([], "count_all")])
        for row in counted.to_pylist():
            counts[row["stage"], row["reason"]] += row["count_all"]
    return counts


def _sample(written: Written) -> list[dict[str, Any]]:
    """Return the first rows, of `train` where there is one."""
    files = [file for file in written.files if file.format == PREFERENCE]
    if not files:
        return []
    first = next((file for file in files if file.split == "train"), files[0])
    batch = next(pq.ParquetFile(first.path).iter_batches(_SAMPLE_ROWS))
    return pa.Table.from_batches([batch]).to_pylist()


def count_values(rows: Rows, name: str) -> dict[str, int]:
    """Return how many rows have each value of a column of text, by value."""
    counts: Counter[str] = Counter()
    for batch in batches_of(rows, [name]):
        found: Any = pc.value_counts(batch[name])
        for one in found.to_pylist():
            counts[one["values"]] += one["counts"]
    return dict(sorted(counts.items()))


def read_sources(
    prompts: Path, preferences: StoredTable, *, work: Path, memory_gb: float
) -> list[SourceData]:
    """Return the sources of the preferences by name, with their rows, their different prompts, and
    those prompts by licence; `prompts` is the table that holds licences."""
    with open_duckdb(work, memory_gb) as (connection, _), duckdb_errors():
        offer(connection, "prompts", StoredTable(prompts))
        offer(connection, "preferences", preferences)
        found = connection.execute(
            """WITH asked AS (
                SELECT source, prompt_id, count(*) AS pairs FROM preferences GROUP BY ALL
            ), known AS (
                SELECT prompt_id, arg_max(license, row_at) AS license FROM prompts GROUP BY ALL
            )
            SELECT source, coalesce(license, 'unknown') AS license, count(*) AS prompts,
                sum(pairs)::BIGINT AS pairs
            FROM asked LEFT JOIN known USING (prompt_id) GROUP BY ALL ORDER BY ALL"""
        ).fetchall()
    sources: dict[str, tuple[int, dict[str, int]]] = {}
    for source, license_, n_prompts, n_pairs in found:
        rows, licenses = sources.get(source, (0, {}))
        sources[source] = (rows + n_pairs, {**licenses, license_: n_prompts})
    return [
        SourceData(name, rows, sum(licenses.values()), licenses)
        for name, (rows, licenses) in sources.items()
    ]
