from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest

from prefline.labeling.votes import VERIFIER_ACCURACY, Order, Votes, read_votes
from tests.prefline.labeling.juries import SCHEMA, Row, verdict


def read(*rows: Row) -> Votes:
    return read_votes(pa.Table.from_pylist(list(rows), SCHEMA), people=("ann",))


def test_a_judge_is_one_annotator_with_probabilities_and_another_without() -> None:
    votes = read(verdict(1, "j", 1.0), verdict(2, "j", 1.0) | {"p_first": 0.8})
    assert [(each.judge, each.hard) for each in votes.annotators] == [("j", False), ("j", True)]
    assert votes.value.tolist() == [1.0, pytest.approx(math.log(4))]


def test_values_are_seen_from_the_lower_id() -> None:
    votes = read(verdict(1, "j", 1.0, order=-1), verdict(2, "j", 1.0, order=-1) | {"p_first": 0.2})
    assert votes.side.tolist() == [-1.0, -1.0]
    assert votes.value.tolist() == [1.0, pytest.approx(math.log(4))]


def test_without_a_verdict_the_probability_names_it() -> None:
    votes = read(verdict(1, "j", 1.0) | {"verdict": None, "p_first": 0.8})
    assert votes.value.tolist() == [pytest.approx(math.log(4))]


def test_a_table_of_probabilities_alone_is_read() -> None:
    table = pa.table({"pair_id": ["1"], "judge": ["j"], "first_id": ["a"], "second_id": ["b"],
                      "p_first": [0.8]})  # fmt: skip
    assert read_votes(table).value.tolist() == [pytest.approx(math.log(4))]


def test_gold_is_told_as_it_stands_and_a_verifier_at_its_accuracy() -> None:
    checked = verdict(2, "checker", 1.0) | {"method": "verifier"}
    votes = read(verdict(1, "j", 1.0, truth=-1.0), verdict(2, "j", -1.0), checked)
    assert votes.target.tolist() == [0.0, pytest.approx(VERIFIER_ACCURACY)]
    assert votes.weight.tolist() == [1.0, 1.0]
    assert [each.judge for each in votes.annotators] == ["j"]


def test_gold_that_contradicts_itself_or_is_a_tie_tells_nothing() -> None:
    votes = read(
        verdict(1, "j", 1.0, truth=1.0),
        verdict(1, "j", 1.0, truth=-1.0, order=-1),
        verdict(2, "j", 1.0) | {"gold": "tie"},
    )
    assert votes.weight.tolist() == [0.0, 0.0]


def test_people_are_marked() -> None:
    assert read(verdict(1, "ann", 1.0), verdict(1, "j", 1.0)).human.tolist() == [True, False]


def test_a_method_has_its_own_way_to_order_responses() -> None:
    rows = [verdict(1, "j", 1.0) | {"method": "rubric"}, verdict(1, "k", 1.0)]
    votes = read_votes(
        pa.Table.from_pylist(rows, SCHEMA),
        order=Order.RANDOM,
        order_of_method={"rubric": Order.UNSEEN},
    )
    assert [each.order for each in votes.annotators] == [Order.UNSEEN, Order.RANDOM]


def test_the_length_ratio_is_of_the_lower_id_to_the_upper() -> None:
    row = verdict(1, "j", 1.0, order=-1) | {"first_length": 100.0, "second_length": 200.0}
    assert read(row, verdict(2, "j", 1.0)).log_ratio.tolist() == [pytest.approx(math.log(2)), 0.0]


def test_pairs_are_numbered_by_their_ids() -> None:
    votes = read(verdict(2, "j", 1.0), verdict(1, "j", 1.0))
    assert votes.pair.tolist() == [1, 0]
    assert votes.first_row.tolist() == [1, 0]
    assert np.all(votes.judged)
