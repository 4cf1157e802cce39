from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefline.errors import TableError
from prefline.stats.bootstrap import Figure
from tasks.evaluate.accuracy import Accuracy, accuracy
from tasks.evaluate.human import LabelledPair, pair_of_preference
from tests.tasks.evaluate.material import known, pair

Scored = tuple[LabelledPair, float, float]

SCORED = st.lists(
    st.tuples(
        st.builds(
            pair,
            prompt=st.sampled_from(["p", "q", "r", "s"]),
            chosen=st.text("ab", min_size=1, max_size=5),
            rejected=st.text("cd", min_size=1, max_size=5),
            category=st.sampled_from(["x", "y"]),
            p_chosen=st.floats(0.5, 1),
        ),
        st.sampled_from([-2.0, -0.5, 0.0, 0.5, 1.0]),
        st.sampled_from([-2.0, -0.5, 0.0, 0.5, 1.0, math.nan]),
    ),
    min_size=1,
    max_size=20,
)


def of(scored: list[Scored]) -> Accuracy:
    pairs, chosen, rejected = zip(*scored, strict=True)
    return accuracy(pairs, chosen, rejected)


def figures(found: Accuracy) -> list[Figure]:
    groups = [found.overall, *found.by_category.values()]
    rules = [
        figure
        for one in groups
        for figure in (one.accuracy, one.longer_wins, one.first_wins, one.over_longer)
    ]
    return [*rules, found.calibration.log_loss, found.calibration.ece]


def test_the_share_of_right_pairs_counts_a_draw_as_half() -> None:
    pairs = [pair(f"{n}") for n in range(4)]
    found = accuracy(pairs, [1, 1, 0, 0], [0, 0, 0, 1])

    assert found.overall.accuracy.value == pytest.approx((1 + 1 + 0.5 + 0) / 4)
    assert (found.n_pairs, found.n_prompts, found.n_draws, found.n_unscored) == (4, 4, 1, 0)


def test_a_pair_without_a_reward_is_counted_and_in_no_figure() -> None:
    pairs = [pair("1"), pair("2"), pair("3"), pair("4")]
    found = accuracy(pairs, [1, math.nan, 1, math.inf], [0, 0, math.nan, math.inf])

    assert (found.n_pairs, found.n_unscored) == (1, 3)
    assert found.overall.accuracy.n == found.overall.longer_wins.n == 1


def test_the_rules_beside_it_look_at_length_and_at_an_order_by_hash() -> None:
    long, short = (
        pair("1", chosen="longer", rejected="long"),
        pair("2", chosen="s", rejected="long"),
    )
    found = accuracy([long, short, pair("3", chosen="ab", rejected="cd")], [0, 0, 0], [1, 1, 1])

    assert found.overall.longer_wins.value == pytest.approx(0.5)
    assert found.overall.over_longer.value == pytest.approx(-0.5)


def test_the_first_in_the_order_by_hash_is_the_better_one_in_half_of_many_pairs() -> None:
    pairs = [pair(f"{n}") for n in range(2_000)]
    found = accuracy(pairs, np.ones(2_000), np.zeros(2_000)).overall.first_wins
    low, _, high = known(found)

    assert low < 0.5 < high
    assert high - low < 0.05


def test_the_gain_over_length_is_paired() -> None:
    # Right on all pairs on which the longer wins, and on one in ten of the others: what both
    # share does not widen the interval.
    n = 400
    pairs = [
        pair(f"{k}", chosen="long", rejected="s")
        if k % 2
        else pair(f"{k}", chosen="s", rejected="long")
        for k in range(n)
    ]
    right = np.array([k % 2 == 1 or k % 20 == 0 for k in range(n)], dtype=float)
    found = accuracy(pairs, right, 1 - right).overall

    assert found.over_longer.value == pytest.approx(0.05)
    assert known(found.over_longer)[0] > 0
    assert known(found.accuracy)[0] < known(found.longer_wins)[2]


def test_pairs_of_one_prompt_stand_or_fall_together() -> None:
    answers = [f"{k}" for k in range(50)]
    one_prompt_each = [pair(f"{n}", chosen=a) for n in range(8) for a in answers]
    alone = [pair(f"{n} {a}", chosen=a) for n in range(8) for a in answers]
    rewards = np.repeat([1, 1, 1, 1, 1, -1, -1, -1], 50)
    together = accuracy(one_prompt_each, rewards, np.zeros(400)).overall.accuracy
    apart = accuracy(alone, rewards, np.zeros(400)).overall.accuracy

    assert together.value == apart.value
    assert known(together)[0] < known(apart)[0] - 0.15


def test_a_category_and_a_quarter_by_length_have_figures_of_their_own() -> None:
    pairs = [
        pair(f"{n}", chosen="x" * (n + 1), rejected="y" * 5, category="ab"[n % 2]) for n in range(8)
    ]
    found = accuracy(pairs, [n % 2 for n in range(8)], [0.5] * 8)

    assert found.by_category["a"].accuracy.value == 0
    assert found.by_category["b"].accuracy.value == 1
    assert [(one["from"], one["to"]) for one in found.by_length] == [
        (-4, -3),
        (-2, -1),
        (0, 1),
        (2, 3),
    ]
    assert [one["longer_wins"]["value"] for one in found.by_length] == [0, 0, 0.75, 1]


def test_rewards_that_say_how_sure_labels_are_are_well_calibrated() -> None:
    random = np.random.default_rng(0)
    margins = random.normal(0, 1.5, 4_000)
    labels = 1 / (1 + np.exp(-np.abs(margins)))
    # What is called chosen is the better one with the probability that the margin says.
    flipped = random.random(4_000) > labels
    pairs = [pair(f"{n}") for n in range(4_000)]
    found = accuracy(pairs, np.where(flipped, -1, 1) * np.abs(margins), np.zeros(4_000)).calibration
    wild = accuracy(
        pairs, 5 * np.where(flipped, -1, 1) * np.abs(margins), np.zeros(4_000)
    ).calibration

    assert known(found.ece)[1] < 0.03
    assert known(wild.ece)[0] > 0.1
    assert known(found.log_loss)[1] < math.log(2) < known(wild.log_loss)[1]
    assert len(found.bins) == 5
    for one in found.bins:
        assert one["low"] - 0.02 <= one["p"] <= one["high"] + 0.02


def test_equal_rewards_lose_as_much_as_knowing_nothing() -> None:
    found = accuracy([pair("1"), pair("2", p_chosen=0.7)], [0, 0], [0, 0]).calibration

    assert found.log_loss.value == pytest.approx(math.log(2))
    assert found.ece.value == pytest.approx(0)


def test_the_loss_is_against_the_label_as_sure_as_it_is() -> None:
    found = accuracy([pair(p_chosen=0.8)], [math.log(4)], [0]).calibration

    entropy = -(0.8 * math.log(0.8) + 0.2 * math.log(0.2))
    assert found.log_loss.value == pytest.approx(entropy)


@settings(max_examples=15, deadline=None)
@given(SCORED)
def test_swapping_chosen_and_rejected_mirrors_every_rule(scored: list[Scored]) -> None:
    found = of(scored)
    mirrored = of([(replace(p, chosen=p.rejected, rejected=p.chosen), r, c) for p, c, r in scored])

    if not found.n_pairs:
        assert found.overall.accuracy.value is mirrored.overall.accuracy.value is None
        return
    for rule in ("accuracy", "longer_wins", "first_wins"):
        ours, theirs = (getattr(one.overall, rule).value for one in (found, mirrored))
        assert ours + theirs == pytest.approx(1)
    assert found.n_draws == mirrored.n_draws


@settings(max_examples=15, deadline=None)
@given(SCORED, st.randoms(use_true_random=False))
def test_rows_are_accounted_for_in_any_order_and_intervals_hold_their_values(
    scored: list[Scored], random: object
) -> None:
    found = of(scored)
    shuffled = list(scored)
    random.shuffle(shuffled)  # type: ignore[attr-defined]

    assert found.n_pairs + found.n_unscored == len(scored)
    assert sum(one.accuracy.n for one in found.by_category.values()) == found.n_pairs
    assert sum(one["accuracy"]["n"] for one in found.by_length) == found.n_pairs
    assert sum(one["n"] for one in found.calibration.bins) == found.n_pairs
    for figure in figures(found):
        if figure.value is not None and figure.low is not None and figure.high is not None:
            assert figure.low <= figure.value + 1e-12
            assert figure.value <= figure.high + 1e-12
    for ours, again in zip(figures(found), figures(of(shuffled)), strict=True):
        assert ours.as_dict() == pytest.approx(again.as_dict(), abs=1e-9)


def test_the_figures_are_ready_for_json() -> None:
    written = orjson.loads(orjson.dumps(accuracy([pair("1"), pair("2")], [1, 0], [0, 1]).as_dict()))

    assert written["overall"]["accuracy"]["value"] == 0.5
    assert written["n_pairs"] == 2


def test_no_pairs_give_no_figures() -> None:
    found = accuracy([], [], [])

    assert found.overall.accuracy.value is found.calibration.ece.value is None
    assert (found.n_pairs, found.by_category, found.by_length) == (0, {}, ())


def test_rewards_that_are_not_one_for_each_pair_are_refused() -> None:
    with pytest.raises(TableError, match="1 pairs have rewards"):
        accuracy([pair()], [1, 2], [1, 2])


def test_a_preference_of_the_line_is_a_labelled_pair() -> None:
    turns = [{"role": "user", "content": "p"}]
    row = {
        "prompt_id": "id", "prompt": turns, "category": "c", "p_chosen": 0.9,
        "chosen": [{"role": "assistant", "content": "good"}],
        "rejected": [{"role": "assistant", "content": "bad"}],
    }  # fmt: skip

    assert pair_of_preference(row) == replace(pair(p_chosen=0.9), prompt_id="id")
