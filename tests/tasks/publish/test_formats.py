from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from prefline.config import PUBLISH_FORMATS
from prefline.stats.bradley_terry import RIDGE, group_scores
from prefline.tables.schemas import MESSAGES
from tests.tasks.publish.rows import Row, pair, rows_in, some_pairs, written

PAIRS = some_pairs()

# What TRL documents for each type of dataset, https://huggingface.co/docs/trl/dataset_formats:
# the columns a trainer reads, conversational, and RewardTrainer's margin.
TRL = {
    "preference": {"prompt": MESSAGES, "chosen": MESSAGES, "rejected": MESSAGES},
    "reward_soft": {"prompt": MESSAGES, "chosen": MESSAGES, "rejected": MESSAGES},
    "reward_margin": {
        "prompt": MESSAGES, "chosen": MESSAGES, "rejected": MESSAGES, "margin": pa.float64()
    },
    "kto": {"prompt": MESSAGES, "completion": MESSAGES, "label": pa.bool_()},
    "sft": {"prompt": MESSAGES, "completion": MESSAGES},
}  # fmt: skip
# What a trainer would take for something else if it were there too.
TAKEN = {"messages", "text", "images", "tools", "completions", "labels"}


@pytest.mark.parametrize("name", sorted(TRL))
def test_columns_are_named_and_shaped_as_trl_s_trainers_read_them(name: str) -> None:
    schema = PUBLISH_FORMATS.get(name).schema
    assert {column: schema.field(column).type for column in TRL[name]} == TRL[name]
    assert not TAKEN & set(schema.names)
    assert ("label" in schema.names) == (name == "kto")
    assert ("chosen" in schema.names) == (name in ("preference", "reward_margin", "reward_soft"))
    # RewardTrainer subtracts it in its loss: only a format that is asked for by name has one.
    assert ("margin" in schema.names) == (name == "reward_margin")


def test_the_margin_of_a_pair_is_the_log_odds_of_its_label(tmp_path: Path) -> None:
    found = written(tmp_path, PAIRS, formats=("preference", "reward_margin"))
    margins = {row["pair_id"]: row["margin"] for row in rows_in(found, "reward_margin")}

    assert margins == {row["pair_id"]: row["log_odds"] for row in PAIRS}


@pytest.mark.parametrize("name", sorted(PUBLISH_FORMATS.builtin))
def test_every_format_leads_back_and_says_where_a_row_is_from(name: str) -> None:
    names = set(PUBLISH_FORMATS.get(name).schema.names)
    assert {"split", "source", "category", "prompt_id"} <= names
    assert names & {"pair_id", "pair_ids"}


def prompts_and_answers(row: Row) -> tuple[list[str], list[str]]:
    return [m["role"] for m in row["prompt"]], [m["role"] for m in row["completion"]]


def test_kto_has_each_response_once_and_leaves_out_those_that_are_both(tmp_path: Path) -> None:
    rows = [pair(1, 0, 1), pair(1, 1, 2), pair(1, 0, 2), pair(2, 0, 1)]
    found = written(tmp_path, rows, formats=("preference", "kto"))
    kto = rows_in(found, "kto")
    said = {row["completion"][0]["content"]: row for row in kto}

    assert {text: row["label"] for text, row in said.items()} == {
        "answer 1.0": True, "answer 1.2": False, "answer 2.0": True, "answer 2.1": False,
    }  # fmt: skip
    assert found.left_out == {"kto": {"chosen_and_rejected": 1}}
    assert said["answer 1.0"]["n_pairs"] == 2
    assert said["answer 1.0"]["model"] == "model-0"
    assert all(prompts_and_answers(row) == (["user"], ["assistant"]) for row in kto)


def test_sft_has_what_is_chosen_in_a_pair_and_rejected_in_none(tmp_path: Path) -> None:
    rows = [pair(1, 0, 1), pair(1, 1, 2), pair(1, 0, 2), pair(2, 0, 1), pair(3, 1, 0)]
    found = written(tmp_path, rows, formats=("preference", "sft"))
    texts = [row["completion"][0]["content"] for row in rows_in(found, "sft")]

    assert sorted(texts) == ["answer 1.0", "answer 2.0", "answer 3.1"]
    assert found.left_out == {"sft": {"chosen_and_rejected": 1, "rejected": 3}}


@given(st.sets(st.tuples(st.integers(1, 5), st.integers(0, 3), st.integers(0, 3)), max_size=25))
@settings(max_examples=10, deadline=None)
def test_every_response_is_in_a_format_or_counted_as_left_out(
    tmp_path_factory: pytest.TempPathFactory, drawn: set[tuple[int, int, int]]
) -> None:
    by_pair = {(p, *sorted((a, b))): pair(p, a, b) for p, a, b in sorted(drawn) if a != b}
    rows = list(by_pair.values())
    found = written(tmp_path_factory.mktemp("formats"), rows)
    ids = {row[side] for row in rows for side in ("chosen_id", "rejected_id")}
    if not rows:
        return
    for name in ("kto", "sft"):
        held = [row["response_id"] for row in rows_in(found, name)] if _has(found, name) else []
        assert len(held) == len(set(held))
        assert len(held) + sum(found.left_out.get(name, {}).values()) == len(ids)
    ranked = rows_in(found, "ranked")
    assert {one["response_id"] for row in ranked for one in row["responses"]} == ids
    assert sorted(one for row in ranked for one in row["pair_ids"]) == sorted(
        row["pair_id"] for row in rows
    )


def _has(found: Any, name: str) -> bool:
    return any(one.format == name for one in found.files)


def test_a_single_row_s_pair_is_the_first_of_its_pairs_and_holds_it(tmp_path: Path) -> None:
    found = written(tmp_path, PAIRS)
    by_id = {row["pair_id"]: row for row in PAIRS}
    for row in rows_in(found, "kto"):
        of = by_id[row["pair_id"]]
        side = "chosen" if row["label"] else "rejected"
        assert (of[f"{side}_id"], of[side]) == (row["response_id"], row["completion"])
        mine = [p for p in PAIRS if row["response_id"] in (p["chosen_id"], p["rejected_id"])]
        assert row["pair_id"] == min(p["pair_id"] for p in mine)
        assert row["n_pairs"] == len(mine)


def test_ranked_has_a_row_for_each_prompt_with_its_responses_best_first(tmp_path: Path) -> None:
    rows = [pair(1, 0, 1, 0.9), pair(1, 1, 2, 0.8), pair(1, 0, 2, 0.95), pair(5, 2, 1, 0.7)]
    ranked = {
        row["prompt"][0]["content"]: row for row in rows_in(written(tmp_path, rows), "ranked")
    }
    one, other = ranked["question 1"]["responses"], ranked["question 5"]["responses"]

    assert [r["completion"][0]["content"] for r in one] == [
        "answer 1.0",
        "answer 1.1",
        "answer 1.2",
    ]
    assert [r["model"] for r in other] == ["model-2", "model-1"]
    assert [r["score"] for r in one] == sorted((r["score"] for r in one), reverse=True)
    # One pair of probability 0.7, a little less for the ridge.
    assert other[0]["score"] - other[1]["score"] == pytest.approx(math.log(0.7 / 0.3), abs=0.05)
    assert sum(r["score"] for r in one) == pytest.approx(0, abs=1e-5)
    assert len(ranked["question 1"]["pair_ids"]) == 3


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 4), st.integers(0, 4),
                          st.floats(0.501, 0.999)), min_size=1, max_size=25))  # fmt: skip
@settings(max_examples=15, deadline=None)
def test_scores_are_the_minimum_of_the_regularised_cross_entropy(
    drawn: list[tuple[int, int, int, float]],
) -> None:
    pairs = [(g, i, j, p) for g, i, j, p in drawn if i != j]
    sizes = np.full(3, 5)
    groups = np.array([g for g, *_ in pairs], np.int64)
    sides = np.array([(5 * g + i, 5 * g + j) for g, i, j, _ in pairs], np.int64).reshape(-1, 2)
    p = np.array([p for *_, p in pairs])

    def loss(s: np.ndarray) -> float:
        d = s[sides[:, 0]] - s[sides[:, 1]]
        entropy = p * np.logaddexp(0, -d) + (1 - p) * np.logaddexp(0, d)
        return float(entropy.sum() + RIDGE / 2 * (s**2).sum())

    best = minimize(loss, np.zeros(15), method="BFGS", options={"gtol": 1e-7})
    assert group_scores(groups, sizes, sides, p) == pytest.approx(best.x, abs=2e-4)


def test_equal_scores_stand_in_the_order_of_their_ids(tmp_path: Path) -> None:
    circle = [pair(1, 0, 1, 0.8), pair(1, 1, 2, 0.8), pair(1, 2, 0, 0.8)]
    (row,) = rows_in(written(tmp_path, circle), "ranked")
    ids = [one["response_id"] for one in row["responses"]]

    assert Counter(one["score"] for one in row["responses"]) == {0.0: 3}
    assert ids == sorted(ids)
