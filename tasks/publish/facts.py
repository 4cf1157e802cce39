"""What the dataset card of a version tells, gathered from the project."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from prefline.config import EndpointJudge, Judge
from prefline.config.principles import Principle
from prefline.labeling.quality import quality_lines
from prefline.releases.card import CardFacts, FormatFacts, JudgeFacts, ModelFacts
from prefline.releases.manifest import PREFERENCE
from prefline.tables import read_table, texts
from tasks.publish.costs import Costs
from tasks.publish.made import Made
from tasks.publish.meaning import Meaning
from tasks.publish.sources import read_sources
from tasks.publish.write import Written

COLUMNS = ("prompt_id", "chosen_model", "rejected_model", "label_source")
_SAMPLE_ROWS = 3
_REMOVED = ("prefers_first", "position_bias", "win_rate_longer", "length_bias")
_FIGURES = (
    "prefers_first", "position_bias", "win_rate_longer", "length_bias", "self_preference",
    "intransitive", "inconsistent",
)  # fmt: skip
_OF_LABELS = ("accuracy", "accuracy_of_preferences", "brier", "ece")


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


def facts_of(made: Made, found: Found) -> CardFacts:
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
    return [FormatFacts(name, rows[name], written.left_out.get(name, {})) for name in names]


def _models(made: Made, rows: pa.Table) -> list[ModelFacts]:
    chosen, rejected = (_counts(rows, f"{side}_model") for side in ("chosen", "rejected"))
    asked = {one.model: one.base_url for one in made.params.generate.endpoints}
    return [
        ModelFacts(name, chosen.get(name, 0), rejected.get(name, 0), asked.get(name, ""))
        for name in sorted(chosen.keys() | rejected.keys())
    ]


def _generation(made: Made) -> dict[str, Any]:
    generate = made.params.generate
    names = ("samples_per_prompt", "temperature", "top_p", "max_tokens", "seed", "system_prompt")
    settings = {name: getattr(generate, name) for name in names}
    if generate.revision:
        settings["rounds of critique and revision"] = generate.revision.rounds
    return {name: value for name, value in settings.items() if value is not None}


def _judge(judge: Judge, made: Made, principles: Mapping[str, Sequence[Principle]]) -> JudgeFacts:
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


def _rejections(made: Made) -> dict[tuple[str, str], int]:
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
