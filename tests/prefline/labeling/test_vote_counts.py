from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from prefline.labeling.model import label_table
from prefline.labeling.vote_counts import fit_concentration, log_odds_of_votes
from prefline.labeling.votes import Order, read_votes

COUNTS = ("votes_first", "votes_second", "votes_tie")


def row(number: int, first: int, second: int, *, shown: int = 1) -> dict[str, Any]:
    ids = (f"a{number}", f"b{number}")[::shown]
    share = first / (first + second)
    verdict = "first" if share > 0.5 else "second" if share < 0.5 else "tie"
    return {
        "pair_id": f"p{number:04}", "prompt_id": f"q{number:04}", "judge": "j",
        "method": "pairwise", "first_id": ids[0], "second_id": ids[1], "verdict": verdict,
        "p_first": share,
        "votes_first": float(first), "votes_second": float(second), "votes_tie": 0.0,
    }  # fmt: skip


@given(st.integers(0, 40), st.integers(1, 40), st.floats(1, 50))
def test_votes_are_shrunk_to_even_odds_and_more_votes_less(
    k: int, n: int, concentration: float
) -> None:
    k = min(k, n)
    once, twice = (
        log_odds_of_votes(np.array([float(k * m)]), np.array([float(n * m)]), concentration)
        for m in (1, 2)
    )

    assert math.isfinite(once[0][0])
    assert np.sign(round(once[0][0], 9)) == np.sign(k - n / 2)
    assert abs(twice[0][0]) >= abs(once[0][0]) - 1e-9
    assert twice[1][0] < once[1][0]


@pytest.mark.parametrize("concentration", [0.3, 1.0, 3.0])
def test_the_concentration_of_a_judge_is_found_from_its_counts(concentration: float) -> None:
    draw = np.random.default_rng(0)
    n = draw.integers(2, 8, 3_000).astype(float)
    k = draw.binomial(n.astype(int), draw.beta(concentration, concentration, 3_000)).astype(float)

    assert fit_concentration(k, n) == pytest.approx(concentration, rel=0.15)


def test_unanimous_votes_of_three_weigh_less_than_those_of_thirty() -> None:
    rows = [row(1, 3, 0), row(2, 30, 0), row(3, 1, 2), row(4, 0, 30, shown=-1)]
    votes = read_votes(pa.Table.from_pylist(rows))

    assert 0 < votes.value[0] < votes.value[1]
    assert votes.value[2] < 0 < votes.value[3]
    assert votes.variance[0] > votes.variance[1] > 0


def jury(n_pairs: int, seed: int) -> tuple[pa.Table, np.ndarray[Any, Any]]:
    """Two judges with probabilities of their own, of which 2 to 5 votes are a sample."""
    draw = np.random.default_rng(seed)
    truth = draw.choice([-1.0, 1.0], n_pairs)
    quality = truth * np.abs(draw.normal(0, 1.2, n_pairs))
    rows = []
    for judge, sharpness in (("a", 2.0), ("b", 1.2)):
        noise = draw.logistic(0, 1, n_pairs)
        for shown in (1, -1):
            n = draw.integers(2, 6, n_pairs)
            first = draw.binomial(n, expit(shown * (sharpness * quality + noise)))
            rows += [
                row(i, int(first[i]), int(n[i] - first[i]), shown=shown) | {"judge": judge}
                for i in range(n_pairs)
            ]
    return pa.Table.from_pylist(rows), truth


def test_labels_that_know_the_sampling_error_lose_less_and_say_so() -> None:
    table, truth = jury(400, 0)
    losses, errors = [], []
    for shown in (table, table.drop_columns(COUNTS)):
        votes = read_votes(shown, order=Order.RANDOM)
        labelled, labels = label_table(shown, votes)
        up = np.array([one.startswith("a") for one in labelled["preferred_id"].to_pylist()])
        p = np.where(
            up == (truth > 0), labelled["p_preferred"], 1 - labelled["p_preferred"].to_numpy()
        )
        losses.append(float(-np.mean(np.log(p))))
        errors.append(
            float(np.mean(labels.log_odds_se / np.maximum(np.abs(labels.log_odds), 1e-9)))
        )

    assert losses[0] < losses[1] - 0.1
    assert errors[0] > errors[1]
