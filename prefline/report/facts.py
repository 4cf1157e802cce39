"""Everything that the report tells, read from the tables and metrics of a project."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
import pyarrow as pa

from prefline.config import Params, read_params
from prefline.errors import TableError
from prefline.labeling.quality import labels_line
from prefline.labeling.version_warrant import drawn_pairs, warrant_of
from prefline.labeling.warrant import Standard
from prefline.labeling.warrant_words import with_words
from prefline.project import Project
from prefline.report import measures
from prefline.report.examples import (
    MADE_COLUMNS,
    WHY_COLUMNS,
    Example,
    draw_ids,
    read_examples,
)
from prefline.report.label_quality import LabelQuality, label_quality
from prefline.report.learning import Learning, learning
from prefline.report.measures import length_bias, length_differences
from prefline.report.trust import Answer, answer, judge_word, one_sided
from prefline.tables import SCHEMAS, StoredTable, iter_batches, read_table
from prefline.tables.gold import VERIFIER

Json = dict[str, Any]

_COSTS = (
    ("generate", "responses", "model"), ("judge", "judgments", "judge"),
    ("canaries", "canaries", "judge"),
)  # fmt: skip
"""The purpose of calls, their table, and the column by which they are counted."""
_OF_CALIBRATION = (
    "weight", "weight_se", "position_bias", "position_bias_se", "length_bias", "n_anchors",
    "warnings",
)  # fmt: skip
_SIDES = ["prompt_id", "chosen", "rejected"]


_STAGES = ("sample", "generate", "judge", "pair", "validate", "publish")


@dataclass(frozen=True, slots=True)
class Facts:
    """All that the report tells of a run. A part that has not been made yet is empty."""

    release: Json
    warrant: Json
    answer: Answer
    one_sided: str
    labels: str
    counts: dict[str, int]
    splits: dict[str, int]
    label_sources: dict[str, int]
    categories: dict[str, int]
    judges: list[Json]
    confusion: list[Json]
    length_bias: list[Json]
    pass_rates: list[Json]
    rejections: list[Json]
    p_chosen: list[Json]
    costs: list[Json]
    validation: Json
    examples: list[Example]
    quality: LabelQuality
    learning: Learning
    made: Json

    def as_dict(self) -> Json:
        """For JSON."""
        return asdict(self)


def read_facts(project: Project) -> Facts:
    """Read all there is. Raises `TableError` only for what is there and damaged."""
    preferences = _columns(
        project, "preferences",
        ["pair_id", "prompt_id", "category", "label_source", "split", "p_chosen", "judges"],
    )  # fmt: skip
    judgments = _columns(
        project, "judgments", ["first_id", "second_id", "judge", "method", "verdict"]
    )
    rejections = _columns(project, "rejections", ["stage", "kind", "reason"])
    judged, paired = _json(project.metrics("judge")), _json(project.metrics("pair"))
    validation = _json(project.table("validation") / "results.json")
    params = read_params(project.params)
    recipe = recipe_of(params)
    release = _json(project.release)
    warrant = _warrant(project, params, preferences, judged, paired)
    judges = _judges(judged, paired, recipe)
    sources = _tally(preferences, "label_source")
    categories = _tally(preferences, "category")
    return Facts(
        release=release,
        warrant=warrant,
        answer=answer(
            warrant,
            measures.count_rows(preferences, "label_source", "judges"),
            {judge["name"]: judge["word"] for judge in judges},
            validation,
            (release.get("left_out") or {}).get("preference", {}).get("not_warranted", 0),
        ),
        one_sided=one_sided(categories),
        labels=labels_line({"label_source": sources, "anchors": paired.get("anchors")}),
        counts={
            "prompts": _count(project, "prompts"),
            "responses": _count(project, "responses"),
            "judgments": judgments.num_rows,
            "pairs": paired.get("pairs", 0),
            "preferences": preferences.num_rows,
            "rejections": rejections.num_rows,
            "queued_for_review": paired.get("queued_for_review", 0),
        },
        splits=_tally(preferences, "split"),
        label_sources=sources,
        categories=categories,
        judges=judges,
        confusion=measures.confusion(judgments),
        length_bias=length_bias(length_differences(_batches(project, "preferences", _SIDES))),
        pass_rates=_pass_rates(judged, categories),
        rejections=measures.count_rows(rejections, "stage", "kind", "reason"),
        p_chosen=measures.histogram(preferences),
        costs=_costs(project, recipe),
        validation=validation,
        examples=read_examples(
            draw_ids(preferences),
            _batches(project, "preferences", None),  # one with tools has more than is declared
            _batches(project, "judgments", WHY_COLUMNS),
            _batches(project, "responses", MADE_COLUMNS),
        ),
        quality=label_quality(judged, _json(project.judge_details / "audit.json"), paired),
        learning=_learning(project),
        made=recipe,
    )


def _warrant(
    project: Project, params: Params, preferences: pa.Table, judged: Json, paired: Json
) -> Json:
    """Return what the labels are worth in people's eyes, by the standard of params."""
    asked = params.publish.warrant
    document = warrant_of(
        preferences,
        _columns(project, "anchors", SCHEMAS["anchors"].names),
        Standard(asked.agreement, asked.confidence) if asked else Standard(),
        pairs=paired.get("pairs", 0),
        drawn=drawn_pairs(paired),
        random_share=params.pair.review.random_share,
    )
    return with_words(document, judged, asked=asked is not None)


def _learning(project: Project) -> Learning:
    folder = project.table("evaluation")
    summary = folder / "summary.txt"
    says = summary.read_text(encoding="utf-8") if summary.is_file() else ""
    return learning(_json(folder / "metrics.json"), says)


def _judges(judged: Json, paired: Json, recipe: Json) -> list[Json]:
    """Return each judge's figures of both stages, with an honest word for it."""
    models = {model["name"]: model["model"] for model in recipe["models"] if model["name"]}
    calibrations = paired.get("calibration", {})
    nothing = {"value": None, "low": None, "high": None, "n": 0}
    found = []
    for name, figures in sorted(judged.get("judges", {}).items()):
        calibration = calibrations.get(name, {})
        accuracy = calibration.get("accuracy", nothing)
        is_model = figures["method"] != VERIFIER
        found.append(
            {"name": name, "model": models.get(name, ""), "accuracy": accuracy}
            | {"word": judge_word(accuracy) if is_model else "the measure of the others"}
            | figures
            # Both stages measure the biases; what the label model found is what labels rest on.
            | {key: calibration.get(key) for key in _OF_CALIBRATION}
        )
    return found


def _pass_rates(judged: Json, categories: dict[str, int]) -> list[Json]:
    """Best first; `preferences` says how many came of the category."""
    rates = judged.get("pass_rate", {}).get("by_category", {})
    rows = [
        {"category": name, "preferences": categories.get(name, 0), **rate}
        for name, rate in rates.items()
    ]
    return sorted(rows, key=lambda row: (-(row["value"] or 0), row["category"]))


def _costs(project: Project, recipe: Json) -> list[Json]:
    """Return what calls took, with the model behind each judge, as the params name it."""
    models = {model["name"]: model["model"] for model in recipe["models"] if model["name"]}
    return [
        row | {"model": models.get(row["by"], "") if stage != "generate" else row["by"]}
        for stage, table, by in _COSTS
        if _is_made(project, table)
        for row in measures.costs(stage, by, StoredTable(project.table(table)))
    ]


def _tally(table: pa.Table, column: str) -> dict[str, int]:
    return {row[column]: row["rows"] for row in measures.count_rows(table, column)}


def _columns(project: Project, name: str, columns: list[str]) -> pa.Table:
    if not _is_made(project, name):
        return SCHEMAS[name].empty_table().select(columns)
    return read_table(project.table(name), columns=columns)


def _count(project: Project, name: str) -> int:
    return StoredTable(project.table(name)).num_rows if _is_made(project, name) else 0


def _batches(project: Project, name: str, columns: list[str] | None) -> Iterator[pa.RecordBatch]:
    if _is_made(project, name):
        yield from iter_batches(project.table(name), columns=columns)


def _is_made(project: Project, name: str) -> bool:
    return any(project.table(name).glob("part-*.parquet"))


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


def recipe_of(params: Params) -> Json:
    """Return models, judges and the stages' params, without what an address may hold of secrets."""
    found = params.model_dump(mode="json", by_alias=True)
    stages = {stage: _public(found[stage]) for stage in _STAGES}
    models = [
        {
            "stage": "generate",
            "name": "",
            "method": "",
            "model": endpoint["model"],
            "at": endpoint["base_url"],
        }
        for endpoint in stages["generate"]["endpoints"]
    ]
    judges = [
        {
            "stage": "judge",
            "name": judge["name"],
            "method": judge["method"],
            "model": (judge.get("endpoint") or {}).get("model", ""),
            "at": (judge.get("endpoint") or {}).get("base_url", ""),
        }
        for judge in stages["judge"]["judges"]
    ]
    return {"models": [*models, *judges], "params": stages}


def _public(value: Any) -> Any:
    if isinstance(value, list):
        return [_public(one) for one in value]
    if isinstance(value, dict):
        return {k: _bare(v) if k == "base_url" else _public(v) for k, v in value.items()}
    return value


def _bare(url: str) -> str:
    """Return an address without user, password and query."""
    parts = urlsplit(url)
    if not parts.hostname:
        return url
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname}{port}{parts.path}"
