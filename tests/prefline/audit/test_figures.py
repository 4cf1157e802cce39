from __future__ import annotations

import math
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.prefline.audit.tables import Row, audited, judged, row

# Five pairs, worked out by hand: what the judge said of (a, b), then of (b, a).
HAND = [
    row("1", "first", gold="first"), row("1", "second", turned=True, gold="second"),  # +1 +1
    row("2", "first", gold="first"), row("2", "first", turned=True, gold="second"),  # +1 -1
    row("3", "tie", gold="first"), row("3", "second", turned=True, gold="second"),  # 0 +1
    row("4", "invalid", gold="second"), row("4", "second", turned=True, gold="first"),  # 0 -1
    row("5", "second", gold="second"),  # +1, one order
]  # fmt: skip


def test_figures_of_a_table_worked_out_by_hand(tmp_path: Path) -> None:
    found = judged(tmp_path, HAND)

    assert found["accuracy_per_order"] == pytest.approx(5 / 9)
    assert found["accuracy_both_orders"] == pytest.approx(3 / 5)
    assert found["inconsistent"] == pytest.approx(3 / 4)
    assert found["prefers_first"] == pytest.approx(3 / 7)
    assert found["tie"] == found["invalid"] == pytest.approx(1 / 9)


def test_pairs_and_verdicts_are_counted(tmp_path: Path) -> None:
    found = audited(tmp_path, HAND)["judges"]["j"]

    assert (found["n_pairs"], found["n_verdicts"]) == (5, 9)
    assert found["accuracy_both_orders"]["n"] == 5
    assert found["inconsistent"]["n"] == 4


def test_a_gold_tie_has_no_winner_to_name(tmp_path: Path) -> None:
    rows = [row("1", "tie", gold="tie"), row("2", "first", gold="first")]
    found = audited(tmp_path, rows)["judges"]["j"]

    assert found["accuracy_per_order"]["n"] == found["accuracy_both_orders"]["n"] == 1
    assert found["kappa"]["value"] == 1


@pytest.mark.parametrize(
    ("one", "other", "flips"),
    [("first", "second", 0), ("tie", "tie", 0), ("first", "first", 1), ("first", "tie", 1),
     ("invalid", "second", 1), ("invalid", "invalid", 1)],
)  # fmt: skip
def test_two_orders_agree_only_on_the_same_valid_outcome(
    one: str, other: str, flips: int, tmp_path: Path
) -> None:
    assert judged(tmp_path, [row("1", one), row("1", other, turned=True)])["inconsistent"] == flips


def test_without_gold_and_p_first_their_figures_are_null_and_there(tmp_path: Path) -> None:
    found = audited(tmp_path, [row("1", "first"), row("2", "second")])["judges"]["j"]

    for name in ("accuracy_per_order", "accuracy_both_orders", "inconsistent", "kappa", "brier",
                 "ece", "position_bias", "length_bias", "win_rate_longer"):  # fmt: skip
        assert {found[name][key] for key in ("value", "low", "high")} == {None}


def test_categories_have_the_figures_of_the_whole(tmp_path: Path) -> None:
    rows = [row("1", "first", gold="first", category="a"), row("2", "first", gold="second")]
    found = audited(tmp_path, rows)["judges"]["j"]

    assert found["by_category"]["a"]["accuracy_per_order"]["value"] == 1
    assert found["by_category"]["(none)"]["accuracy_per_order"]["value"] == 0
    whole = {"n_pairs", "n_verdicts", "accuracy_per_order", "accuracy_both_orders", "inconsistent",
             "prefers_first", "tie", "invalid", "kappa", "brier", "ece"}  # fmt: skip
    assert whole == set(found["by_category"]["a"])


def test_gold_that_is_not_in_each_rows_own_order_is_counted(tmp_path: Path) -> None:
    rows = [row("1", "first", gold="first"), row("1", "second", turned=True, gold="first")]

    assert audited(tmp_path, rows)["gold_conflicts"] == 1
    assert audited(tmp_path, HAND)["gold_conflicts"] == 0


def test_the_reliability_diagram_holds_what_was_said_and_what_was_so(tmp_path: Path) -> None:
    rows = [
        row(str(number), "first") | {"p_first": 0.85, "gold": "first" if number % 4 else "second"}
        for number in range(80)
    ]
    (only,) = audited(tmp_path, rows)["judges"]["j"]["calibration"]

    assert only["p"] == pytest.approx(0.85)
    assert only["value"] == pytest.approx(0.75)
    assert only["n"] == 80


SIDES = st.sampled_from(["first", "second", "tie"])
VERDICT = st.one_of(SIDES, st.just("invalid"))
# Of which 1 - p is exact: the other way round is no rounding away from it.
SHARES = st.integers(0, 1_024).map(lambda part: part / 1_024)
CELLS = st.tuples(st.integers(0, 5), st.booleans(), VERDICT, SIDES, SHARES, st.integers(0, 2))
TABLES = st.lists(CELLS, min_size=1, max_size=25)
TURNED = {"first": "second", "second": "first", "tie": "tie", "invalid": "invalid"}


def rows_of(
    cells: list[tuple[int, bool, str, str, float, int]], *, swap: bool = False
) -> list[Row]:
    """Rows of these cells, or of the same pairs each shown the other way round."""
    return [
        row(
            f"{pair}",
            TURNED[verdict] if swap else verdict,
            turned=turned != swap,
            gold=TURNED[gold] if swap else gold,
            p_first=1 - p if swap else p,
            prompt_id=f"{pair % 4}",
            first_length=1 + prompt if swap else 2,
            second_length=2 if swap else 1 + prompt,
        )
        for pair, turned, verdict, gold, p, prompt in cells
    ]


def report(rows: list[Row]) -> dict[str, Any]:
    with TemporaryDirectory() as folder:
        return audited(Path(folder), rows)


def close(one: float | None, other: float | None) -> bool:
    return one == other or (one is not None and other is not None and math.isclose(
        one, other, rel_tol=1e-6, abs_tol=1e-6))  # fmt: skip


@settings(max_examples=12)
@given(TABLES)
def test_showing_every_pair_the_other_way_round_changes_only_what_is_about_position(
    cells: list[Any],
) -> None:
    one = report(rows_of(cells))["judges"]["j"]
    other = report(rows_of(cells, swap=True))["judges"]["j"]

    for name in ("accuracy_per_order", "accuracy_both_orders", "inconsistent", "tie", "invalid",
                 "kappa", "brier", "win_rate_longer", "length_bias"):  # fmt: skip
        for end in ("value", "low", "high"):
            assert close(one[name][end], other[name][end]), name
    for name, sum_of_both in (("prefers_first", 1), ("position_bias", 0)):
        if one[name]["value"] is not None:
            assert close(one[name]["value"] + other[name]["value"], sum_of_both)


@settings(max_examples=12)
@given(TABLES, st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(cells: list[Any], random: Any) -> None:
    rows = rows_of(cells)
    mixed = random.sample(rows, len(rows))
    one, other = report(rows)["judges"]["j"], report(mixed)["judges"]["j"]

    for name, figure in one.items():
        if isinstance(figure, dict) and "value" in figure:
            assert all(close(figure[end], other[name][end]) for end in figure), name


@settings(max_examples=20)
@given(TABLES)
def test_kappa_brier_and_ece_are_those_of_scikit_learn_and_of_a_plain_loop(
    cells: list[Any],
) -> None:
    from sklearn.metrics import cohen_kappa_score

    found = report(rows_of(cells))["judges"]["j"]
    said, gold = [cell[2] for cell in cells], [cell[3] for cell in cells]
    target = [{"first": 1.0, "second": 0.0, "tie": 0.5}[one] for one in gold]
    p = [cell[4] for cell in cells]

    with np.errstate(invalid="ignore", divide="ignore"):
        chance = len({*said, *gold}) == 1  # 0 / 0 there
        kappa = None if chance else cohen_kappa_score(said, gold)
    assert close(found["kappa"]["value"], kappa)
    assert close(found["brier"]["value"], float(np.mean((np.array(p) - target) ** 2)))
    assert close(found["ece"]["value"], plain_ece(p, target))


def plain_ece(p: list[float], target: list[float], bins: int = 10) -> float:
    """Expected calibration error, as it is defined."""
    error = 0.0
    for k in range(bins):
        inside = [i for i, one in enumerate(p) if min(int(one * bins), bins - 1) == k]
        if inside:
            gap = np.mean([p[i] for i in inside]) - np.mean([target[i] for i in inside])
            error += len(inside) / len(p) * abs(float(gap))
    return error
