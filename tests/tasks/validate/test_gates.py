"""Gates of quality: judges, drift, evaluation sets, prompts that are held out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefline.config import PublishParams, ValidateParams
from prefline.filters.leaks import BenchmarkIndex
from prefline.releases import publish
from prefline.storage import open_store
from tasks.validate import (
    Finding,
    count_labels,
    drift_table,
    judges_table,
    labels_table,
    leaks_table,
    read_before,
)
from tasks.validate.database import open_database
from tasks.validate.drift import distance, noise
from tasks.validate.run import SUITES, check_suite
from tests.prefline.releases.drafts import draft, preference
from tests.tasks.validate.line import good_line

pytestmark = pytest.mark.usefixtures("great_expectations")

PARAMS = ValidateParams(min_preferences=10)
COUNTS = st.lists(st.integers(0, 50), min_size=3, max_size=3).filter(lambda counts: sum(counts) > 0)


def figure(low: float | None, high: float | None) -> dict[str, Any]:
    middle = None if low is None or high is None else (low + high) / 2
    return {"value": middle, "low": low, "high": high, "n": 40}


def measured(
    accuracy: tuple[float | None, float | None] = (0.6, 0.8),
    ece: tuple[float | None, float | None] = (0.02, 0.1),
    first: tuple[float | None, float | None] = (0.4, 0.6),
) -> dict[str, Any]:
    judge = {
        "method": "pairwise", "accuracy_per_order": figure(*accuracy), "ece": figure(*ece),
        "prefers_first": figure(*first),
    }  # fmt: skip
    return {"judges": {"reader": judge, "checks": judge | {"method": "verifier"}}}


def failed(
    tables: dict[str, pa.Table], params: ValidateParams, folder: Path
) -> list[tuple[str, str | None, str]]:
    """What does not hold of a good line with these tables, in the suites that look at them."""
    # Here, where Great Expectations is there already.
    from tasks.validate.expectations import Expectations

    expectations, found = Expectations(folder), list[Finding]()
    with open_database(good_line().tables() | tables) as database:
        for suite in SUITES:
            if suite.table in tables or (suite.table == "prompts" and "leaks" in tables):
                found += check_suite(suite, database, params, expectations)
    return [(one.table, one.column, one.severity) for one in found if not one.passed]


@pytest.mark.parametrize(
    ("figures", "column"),
    [
        ({"accuracy": (0.3, 0.5)}, "gold_accuracy"),
        ({"ece": (0.3, 0.5)}, "calibration_error"),
        ({"first": (0.9, 1.0)}, "position_bias"),
        ({"first": (0.0, 0.1)}, "position_bias"),
    ],
)
def test_a_judge_that_is_surely_bad_is_warned_of_and_on_request_stops_the_line(
    figures: Any, column: Any, tmp_path: Path
) -> None:
    judges = {"judges": judges_table(measured(**figures))}
    strict = PARAMS.model_copy(update={"critical": (column,)})

    assert failed(judges, PARAMS, tmp_path) == [("judges", column, "warning")]
    assert failed(judges, strict, tmp_path) == [("judges", column, "critical")]


@pytest.mark.parametrize(
    "figures",
    [
        {},
        {"accuracy": (0.3, 0.7), "ece": (0.1, 0.5), "first": (0.6, 1.0)},
        {"accuracy": (None, None), "ece": (None, None), "first": (None, None)},
    ],
    ids=["good", "few pairs", "unmeasured"],
)
def test_a_judge_that_may_be_good_passes(figures: Any, tmp_path: Path) -> None:
    table = judges_table(measured(**figures))

    assert table["judge"].to_pylist() == ["reader"], "a verifier is the measure of the others"
    assert failed({"judges": table}, PARAMS, tmp_path) == []


@pytest.mark.parametrize(("anchors", "passes"), [(0, False), (19, False), (20, True)])
def test_labels_on_too_few_anchors_stop_the_run_where_anchors_are_required(
    anchors: int, passes: bool, tmp_path: Path
) -> None:
    table = {"labels": labels_table({"anchors": {"anchors": anchors}})}
    strict = PARAMS.model_copy(update={"require_anchors": 20})

    assert failed(table, strict, tmp_path) == (
        [] if passes else [("labels", "anchors", "critical")]
    )
    assert failed(table, PARAMS, tmp_path) == [], "none are required unless asked for"


def labels(p: float, category: str = "a", count: int = 400) -> pa.Table:
    return pa.table(
        {
            "p_chosen": pa.array([p] * count, pa.float64()),
            "category": [category] * count,
            "label_source": ["ai"] * count,
        }
    )


def test_labels_that_are_otherwise_distributed_than_before_are_told(
    tmp_path: Path,
) -> None:
    moved = drift_table(labels(0.99), count_labels(labels(0.6).to_batches()))
    assert failed({"drift": moved}, PARAMS, tmp_path) == [("drift", "distance", "warning")]

    few = count_labels(labels(0.9, count=30).to_batches())
    same = drift_table(labels(0.9), few)
    assert same["distance"].to_pylist() == [0.0, 0.0, 0.0]
    assert failed({"drift": same}, PARAMS, tmp_path) == []
    assert drift_table(labels(0.9), None).num_rows == 0


@given(COUNTS, COUNTS)
def test_a_distance_is_symmetric_and_between_nothing_and_all(
    one: list[int], other: list[int]
) -> None:
    first, second = np.array(one), np.array(other)
    far = distance(first, second)

    assert 0 <= far <= 1 + 1e-12
    assert far == pytest.approx(distance(second, first))
    assert distance(first, 3 * first) == pytest.approx(0)


def test_two_draws_of_one_distribution_are_nearly_always_within_noise() -> None:
    rng, share, beyond = np.random.default_rng(1), np.array([0.5, 0.3, 0.2]), 0
    for _ in range(200):
        one, other = rng.multinomial(150, share), rng.multinomial(80, share)
        beyond += distance(one, other) > noise(one, other)

    assert beyond <= 8


def test_the_version_before_is_the_one_that_the_channel_leads_to(tmp_path: Path) -> None:
    store, params = open_store(str(tmp_path / "store")), PublishParams(dataset="demo")
    assert read_before(store, params, tmp_path) == (None, None)

    publish(store, draft(tmp_path / "draft", [preference(n, p_chosen=0.75) for n in range(3)]))
    name, before = read_before(store, params, tmp_path)
    assert name == "demo@1"
    assert before is not None
    assert before["p_chosen"] == {15: 3}


def test_a_prompt_of_an_evaluation_set_stops_the_line(tmp_path: Path) -> None:
    line = good_line()
    text = "\n".join(message["content"] for message in line.rows["prompts"][3]["messages"])
    leaks = leaks_table(line.tables()["prompts"], BenchmarkIndex({"bench.jsonl": [text]}))

    assert failed({"leaks": leaks}, PARAMS, tmp_path) == [("prompts", "leaks", "critical")]


def test_what_is_held_out_is_neither_drawn_nor_labelled(tmp_path: Path) -> None:
    prompts = good_line().tables()["prompts"]
    of_others = prompts.set_column(0, "prompt_id", pa.array([f"h{n}" for n in range(len(prompts))]))

    assert failed({"held_out": of_others}, PARAMS, tmp_path) == []
    assert failed({"held_out": prompts.slice(0, 1)}, PARAMS, tmp_path) == [
        ("held_out", "also_drawn", "critical"), ("held_out", "also_labelled", "critical"),
    ]  # fmt: skip
