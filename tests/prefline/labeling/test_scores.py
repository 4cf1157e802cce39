from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from prefline.labeling.scores import own_length_bias, score_votes
from prefline.labeling.votes import Order, read_votes
from tests.prefline.labeling.juries import SCHEMA, Row, jury, verdict


def soft_rows(bias: float, orders: tuple[int, ...], n: int = 500) -> list[Row]:
    """A judge of log-odds quality + bias for the first + noise; one of `orders` each, in turn."""
    draw, rows = np.random.default_rng(0), []
    for number in range(n):
        quality = draw.normal(0, 2)
        shown = orders if len(orders) > 1 and orders[0] != 0 else (int(draw.choice([1, -1])),)
        for order in shown if orders != (1,) else (1,):
            toward = quality * order + bias + draw.normal(0, 1)
            row = verdict(number, "j", np.sign(toward) * order, order=order)
            rows.append(row | {"p_first": float(1 / (1 + np.exp(-toward)))})
    return rows


def position(rows: list[Row], order: Order = Order.UNKNOWN):
    return score_votes(read_votes(pa.Table.from_pylist(rows, SCHEMA), order=order)).positions[0]


def test_both_orders_tell_a_position_bias() -> None:
    found = position(soft_rows(1.0, (1, -1)))
    assert found.known
    assert found.bias == pytest.approx(1.0, abs=4 * found.se)
    assert found.se < 0.1


def test_single_orders_tell_it_only_if_they_are_random() -> None:
    rows = soft_rows(1.0, (0,))
    assert position(rows, Order.RANDOM).bias == pytest.approx(1.0, abs=0.5)
    assert not position(rows, Order.GIVEN).known


def test_one_order_only_tells_no_position_bias() -> None:
    for rows in (soft_rows(1.0, (1,)), jury({"j": 0.9}, orders=(1,))[0]):
        found = position(rows)
        assert not found.known
        assert found.bias == 0


def test_judges_that_see_no_order_have_no_position_bias() -> None:
    found = position(soft_rows(1.0, (1, -1)), Order.UNSEEN)
    assert (found.bias, found.se) == (0.0, 0.0)


def test_the_same_bare_verdict_in_both_orders_is_one_whatever_the_bias() -> None:
    rows = [verdict(n, "j", 1.0, order=order) for n in range(10) for order in (1, -1)]
    rows += [verdict(n, "j", float(order), order=order) for n in range(10, 30) for order in (1, -1)]
    scores = score_votes(read_votes(pa.Table.from_pylist(rows, SCHEMA)))
    assert scores.positions[0].bias > 0.3
    assert scores.score[:10] == pytest.approx(np.ones(10))


def test_only_what_judges_differ_in_is_taken_for_a_bias_for_length() -> None:
    draw = np.random.default_rng(1)
    n = 2000
    ratio, quality = draw.normal(0, 0.5, n), draw.normal(0, 1, n)
    rows = []
    for judge, own in (("a", 1.0), ("b", 1.0), ("c", 1.0), ("d", 3.0)):
        value = quality + own * ratio + draw.normal(0, 0.5, n)
        for number in range(n):
            row = verdict(number, judge, float(np.sign(value[number])))
            rows.append(row | {"p_first": float(1 / (1 + np.exp(-value[number]))),
                               "first_length": float(1e4 * np.exp(ratio[number])),
                               "second_length": 1e4})  # fmt: skip
    votes = read_votes(pa.Table.from_pylist(rows, SCHEMA), order=Order.RANDOM)
    scores, people = score_votes(votes), np.zeros(4, dtype=bool)
    found = own_length_bias(scores, votes.log_ratio, np.full(4, 0.8), people, 0.0) * scores.unit
    assert found[3] > found[:3].max() + 1
    assert found[:3].max() - found[:3].min() < 0.2
    assert (
        own_length_bias(scores, votes.log_ratio, np.full(4, 0.8), ~people, 0.0).tolist()
        == [0.0] * 4
    )
