from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.prefline.audit.tables import Row, audited, row

STRENGTHS = {"strong": 1.0, "middle": 0.0, "weak": -1.0}


def planted(n: int, seed: int = 0) -> list[Row]:
    """Verdicts between three models by the model that the ratings assume."""
    draw, names, rows = np.random.default_rng(seed), sorted(STRENGTHS), []
    for number in range(n):
        one, other = draw.permutation(names)[:2]
        p = 1 / (1 + np.exp(STRENGTHS[other] - STRENGTHS[one]))
        verdict = "first" if draw.random() < p else "second"
        rows.append(match(number, one, other, verdict))
    return rows


def match(number: int, one: str, other: str, verdict: str) -> Row:
    ids = {"first_id": f"{number}{one}", "second_id": f"{number}{other}"}
    return row(str(number), verdict) | ids | {
        "first_model": one, "second_model": other, "prompt_id": str(number),
    }  # fmt: skip


def test_planted_strengths_are_within_their_intervals(tmp_path: Path) -> None:
    models = audited(tmp_path, planted(3_000))["models"]

    for name, strength in STRENGTHS.items():
        rating = models[name]["bradley_terry"]
        assert rating["low"] < strength < rating["high"]
        assert rating["high"] - rating["low"] < 0.3


def test_they_are_those_of_a_logistic_regression(tmp_path: Path) -> None:
    from sklearn.linear_model import LogisticRegression

    rows, names = planted(500), sorted(STRENGTHS)
    x = np.array([[float(r["first_model"] == n) - float(r["second_model"] == n) for n in names]
                  for r in rows])  # fmt: skip
    y = [r["verdict"] == "first" for r in rows]
    by_other = LogisticRegression(C=1 / 0.01, fit_intercept=False, tol=1e-9).fit(x, y).coef_[0]
    models = audited(tmp_path, rows)["models"]

    for name, strength in zip(names, by_other - by_other.mean(), strict=True):
        assert models[name]["bradley_terry"]["value"] == pytest.approx(strength, abs=1e-4)


def test_an_undefeated_model_has_a_rating_that_is_finite(tmp_path: Path) -> None:
    rows = [match(n, "strong", "weak", "first") for n in range(20)]
    models = audited(tmp_path, rows)["models"]

    assert 1 < models["strong"]["bradley_terry"]["value"] < 10
    assert models["weak"]["bradley_terry"]["value"] == pytest.approx(
        -models["strong"]["bradley_terry"]["value"]
    )


def test_models_that_nothing_joins_are_not_compared(tmp_path: Path) -> None:
    rows = [match(1, "a", "b", "first"), match(2, "c", "d", "first")]
    models = audited(tmp_path, rows)["models"]

    assert {one["bradley_terry"]["value"] for one in models.values()} == {None}


@settings(max_examples=15, deadline=None)
@given(st.permutations(list(range(60))))
def test_the_order_of_the_rows_makes_no_difference(
    tmp_path_factory: pytest.TempPathFactory, order: list[int]
) -> None:
    rows = planted(60)
    one = audited(tmp_path_factory.mktemp("a"), rows)["models"]
    other = audited(tmp_path_factory.mktemp("b"), [rows[n] for n in order])["models"]

    for name in one:
        a, b = one[name]["bradley_terry"], other[name]["bradley_terry"]
        assert a["value"] == pytest.approx(b["value"], abs=1e-9)
