from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.labels.measure import MODEL, measure
from benchmarks.labels.planted import Setting, plant
from prefline.labeling.calibrate import Worth, calibrate, weigh
from prefline.labeling.evidence import gather_evidence
from prefline.labeling.fit import spread_of
from prefline.labeling.margin import Patterns, Theta, log_density
from prefline.labeling.position import hard_position, soft_position
from tests.prefline.labeling.judgments import judgment, planted

OPEN = [judgment("x", "y", "first", p_first=0.9), judgment("y", "x", "second", p_first=0.1)]


def worth_of(rows: list[dict[str, Any]], lower: str) -> Worth:
    evidence = gather_evidence(rows)
    found = dict(zip([one.lower for one in evidence], weigh(evidence)[1], strict=True))
    return found[lower]


def test_labels_beat_every_simpler_way_and_say_how_sure_they_are() -> None:
    outcome = measure(Setting("", prompts=500), 100)
    others = [value for name, value in outcome.accuracy.items() if name != MODEL]

    assert outcome.accuracy[MODEL] >= max(others)
    assert outcome.accuracy[MODEL] >= outcome.accuracy["majority vote"] + 0.02
    assert outcome.ece[MODEL] < 0.03


@pytest.mark.parametrize(
    "setting",
    [
        pytest.param(Setting("", prompts=1_000), id="length independent of quality"),
        pytest.param(Setting("", prompts=1_000, follows=0.3, gold=0.5), id="verified pairs"),
    ],
)
def test_planted_biases_are_recovered(setting: Setting) -> None:
    outcome = measure(setting, 100)

    for error in outcome.position_errors.values():
        assert abs(error) < 0.1
    for error in outcome.length_errors.values():
        assert abs(error) < 0.3  # three standard errors of the sharpest judge


def test_without_verified_pairs_an_effect_of_length_is_taken_for_bias_and_that_is_said() -> None:
    made = plant(Setting("", prompts=300, follows=0.5, judges=("good",)), 0)
    (judge,) = calibrate(gather_evidence(made.rows, made.lengths)).values()

    assert judge.length_bias > 1.0  # 0.7 is bias
    assert judge.length_bias_se > 1.0
    assert any("cannot be told" in warning for warning in judge.warnings)


def test_length_is_no_evidence_by_itself() -> None:
    # The verifier prefers the longer one, always; the judge knows nothing.
    draw, rows, lengths = random.Random(0), [], {}
    for number in range(300):
        a, b = f"{number:03d}a", f"{number:03d}b"
        longer = draw.choice((a, b))
        lengths |= {a: 200, b: 200, longer: 400}
        rows += [
            judgment(a, b, "first" if longer == a else "second", judge="verifier", p_first=0.5),
            judgment(a, b, "first", p_first=1 / (1 + math.exp(-draw.gauss(0, 1)))),
        ]
    evidence = gather_evidence([*rows, *OPEN], lengths | {"x": 400, "y": 200})

    assert abs(weigh(evidence)[1][-1].log_odds) < 0.3


def test_judges_who_agree_are_not_believed_where_verified_pairs_say_they_are_wrong() -> None:
    draw, rows = random.Random(0), []
    for number in range(500):
        a, b = f"{number:03d}a", f"{number:03d}b"
        shared = draw.gauss(0, 2)
        rows.append(judgment(a, b, draw.choice(("first", "second")), judge="verifier", p_first=1.0))
        for judge in ("one", "two", "three"):
            p = 1 / (1 + math.exp(-shared - draw.gauss(0, 0.5)))
            rows.append(judgment(a, b, "first" if p > 0.5 else "second", judge=judge, p_first=p))
    words = [judgment("x", "y", "first", judge=j, p_first=0.95) for j in ("one", "two", "three")]

    assert worth_of(rows + words, "x").log_odds < 0.6


def test_a_second_order_adds_nothing_where_a_judge_errs_alike_in_both() -> None:
    # Its noise is one draw for each pair, so the other order says the same again.
    rows = planted(1_000, 1.0, 0.5)
    once = [judgment("x", "y", "first", p_first=0.9)]
    odds = math.log(9) - 2 * 0.5  # what its position bias leaves, seen from the other side
    twice = [*once, judgment("y", "x", "second", p_first=1 / (1 + math.exp(odds)))]

    assert worth_of(rows + twice, "x").log_odds == pytest.approx(
        worth_of(rows + once, "x").log_odds, rel=0.05
    )


def test_verdicts_without_probabilities_make_calibrated_labels_too() -> None:
    outcome = measure(Setting("", hard=True), 100)

    assert outcome.ece[MODEL] < 0.05
    assert outcome.accuracy[MODEL] >= outcome.accuracy["majority vote"] + 0.02


def test_a_judge_that_speaks_in_two_ways_has_two_calibrations() -> None:
    rows = planted(50, 1.0, 0.0)
    found = calibrate(gather_evidence([*rows, judgment("x", "y", "first")]))

    assert list(found) == ["small", "small (pairwise, verdict only)"]


def test_one_word_alone_is_taken_for_half_liking_and_half_position() -> None:
    position = soft_position(np.array([0]), np.array([1.0]), np.array([2.0]))

    assert 0 < position.bias < 2


def test_ties_are_between_the_verdicts() -> None:
    value = np.array([1.0, 1.0, 0.0, -1.0])
    freed = hard_position(np.arange(4), np.ones(4), value).freed

    assert freed[1] > freed[2] > freed[3]


@given(st.integers(1, 4), st.integers(0, 2**32 - 1))
@settings(max_examples=30)
def test_the_density_is_that_of_the_normal_with_a_common_factor(voices: int, seed: int) -> None:
    draw = np.random.default_rng(seed)
    a, tau, v, x = (draw.uniform(0.1, 2, voices) for _ in range(4))
    count = draw.integers(1, 3, (1, voices))
    patterns = Patterns(count, np.ones(1), np.outer(x, x)[None])
    whole = np.outer(a, a) + np.diag(tau**2 + v / count[0])
    expected = -0.5 * (np.linalg.slogdet(whole)[1] + x @ np.linalg.solve(whole, x))

    assert log_density(Theta(a, tau, 1.0, 0.0), v, patterns) == pytest.approx(expected)


@given(st.lists(st.floats(-3, 3), min_size=2, max_size=2))
def test_the_spread_of_a_linear_function_is_exact(by: list[float]) -> None:
    cov = np.array([[2.0, 0.5], [0.5, 1.0]])
    found = spread_of(lambda at: np.array([at @ by]), np.zeros(2), cov)

    assert found[0] == pytest.approx(math.sqrt(max(0.0, np.array(by) @ cov @ by)), abs=1e-6)


def test_the_same_table_gives_the_same_bytes_in_any_order() -> None:
    made = plant(Setting("", prompts=50, gold=0.3), 0)
    one = weigh(gather_evidence(made.rows, made.lengths))
    other = weigh(gather_evidence(made.rows[::-1], made.lengths))

    assert one == other


@given(st.booleans())
@settings(max_examples=2)
def test_turning_every_id_round_turns_every_label_round(hard: bool) -> None:
    made = plant(Setting("", prompts=50, gold=0.3, hard=hard), 0)
    turn = {name: f"{2**62 - int(name, 16):016x}" for name in made.lengths}
    rows = [row | {key: turn[row[key]] for key in ("first_id", "second_id")} for row in made.rows]
    lengths = {turn[name]: length for name, length in made.lengths.items()}
    here, there = gather_evidence(made.rows, made.lengths), gather_evidence(rows, lengths)
    said = {(one.lower, one.upper): w.log_odds for one, w in zip(here, weigh(here)[1], strict=True)}

    for one, worth in zip(there, weigh(there)[1], strict=True):
        back = {new: old for old, new in turn.items()}
        original = said[back[one.upper], back[one.lower]]
        assert worth.log_odds == pytest.approx(-original, abs=1e-3)
