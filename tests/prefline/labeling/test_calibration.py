from __future__ import annotations

import math
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.labels.measure import MODEL, measure
from benchmarks.labels.planted import Setting, plant
from prefline.labeling.calibration import label
from prefline.labeling.evidence import gather_evidence
from tests.prefline.labeling.judgments import judgment, planted

OPEN = [judgment("x", "y", "first", p_first=0.9), judgment("y", "x", "second", p_first=0.1)]


def log_odds_of(rows: list[dict[str, Any]], lower: str) -> float:
    evidence = gather_evidence(rows)
    log_odds = label(evidence).log_odds.tolist()
    return dict(zip([one.lower for one in evidence], log_odds, strict=True))[lower]


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
    (judge,) = label(gather_evidence(made.rows, made.lengths)).calibrations.values()

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

    assert abs(label(evidence).log_odds[-1]) < 0.3


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

    assert log_odds_of(rows + words, "x") < 0.6


def test_a_second_order_adds_nothing_where_a_judge_errs_alike_in_both() -> None:
    # Its noise is one draw for each pair, so the other order says the same again.
    rows = planted(1_000, 1.0, 0.5)
    once = [judgment("x", "y", "first", p_first=0.9)]
    odds = math.log(9) - 2 * 0.5  # what its position bias leaves, seen from the other side
    twice = [*once, judgment("y", "x", "second", p_first=1 / (1 + math.exp(odds)))]

    assert log_odds_of(rows + twice, "x") == pytest.approx(log_odds_of(rows + once, "x"), rel=0.05)


def test_verdicts_without_probabilities_make_calibrated_labels_too() -> None:
    outcome = measure(Setting("", hard=True), 100)

    assert outcome.ece[MODEL] < 0.05
    assert outcome.accuracy[MODEL] >= outcome.accuracy["majority vote"] + 0.02


def test_a_judge_that_speaks_in_two_ways_has_two_calibrations() -> None:
    rows = planted(50, 1.0, 0.0)
    found = label(gather_evidence([*rows, judgment("x", "y", "first")])).calibrations

    assert list(found) == ["small", "small (pairwise, verdict only)"]


def test_the_same_table_gives_the_same_bytes_in_any_order() -> None:
    made = plant(Setting("", prompts=50, gold=0.3), 0)
    one = label(gather_evidence(made.rows, made.lengths))
    other = label(gather_evidence(made.rows[::-1], made.lengths))

    assert one.log_odds.tobytes() == other.log_odds.tobytes()
    assert one.log_odds_se.tobytes() == other.log_odds_se.tobytes()
    assert one.calibrations == other.calibrations


@given(st.booleans())
@settings(max_examples=2)
def test_turning_every_id_round_turns_every_label_round(hard: bool) -> None:
    made = plant(Setting("", prompts=50, gold=0.3, hard=hard), 0)
    turn = {name: f"{2**62 - int(name, 16):016x}" for name in made.lengths}
    rows = [row | {key: turn[row[key]] for key in ("first_id", "second_id")} for row in made.rows]
    lengths = {turn[name]: length for name, length in made.lengths.items()}
    here, there = gather_evidence(made.rows, made.lengths), gather_evidence(rows, lengths)
    before = {(o.lower, o.upper): w for o, w in zip(here, label(here).log_odds, strict=True)}
    back = {new: old for old, new in turn.items()}

    for one, log_odds in zip(there, label(there).log_odds, strict=True):
        original = before[back[one.upper], back[one.lower]]
        assert log_odds == pytest.approx(-original, abs=1e-3)


@pytest.mark.parametrize("bias", [-1.0, 0.0, 2.0])
def test_a_planted_position_bias_is_recovered(bias: float) -> None:
    calibration = label(gather_evidence(planted(2_000, 1.0, bias))).calibrations["small"]

    assert calibration.position_bias == pytest.approx(bias, abs=0.05)


def test_a_judge_without_a_clue_is_worth_nothing() -> None:
    calibration = label(gather_evidence(planted(2_000, 0.0, 1.0))).calibrations["small"]

    assert calibration.fitted
    assert calibration.slope < 0.1


def test_a_judge_that_knows_is_worth_what_its_errors_allow() -> None:
    # Two normals at +1 and -1 with unit variance: the posterior log-odds are 2x.
    calibration = label(gather_evidence(planted(5_000, 1.0, 0.5))).calibrations["small"]

    assert calibration.slope == pytest.approx(2.0, rel=0.1)


def test_its_accuracy_is_measured_with_its_position_bias_taken_off() -> None:
    # It says "first" nearly always, yet its log-odds know: Phi(1) = 0.84.
    accuracy = label(gather_evidence(planted(4_000, 1.0, 6.0))).calibrations["small"].accuracy

    assert accuracy.value == pytest.approx(0.84, abs=0.02)


def test_a_judge_worse_than_chance_is_not_turned_round() -> None:
    assert label(gather_evidence(planted(500, -1.0, 0.0))).calibrations["small"].slope == 0.0


def test_with_too_little_gold_the_judge_is_taken_at_its_word_and_that_is_said() -> None:
    calibration = label(gather_evidence(planted(5, 1.0, 0.0))).calibrations["small"]

    assert calibration.slope == pytest.approx(1.0, abs=0.5)
    assert (calibration.fitted, calibration.accuracy.n) == (False, 5)
    assert any("taken at its word" in warning for warning in calibration.warnings)


def test_a_verifier_needs_no_calibration() -> None:
    rows = [judgment("a", "b", "first", judge="verifier", p_first=1.0)]

    assert label(gather_evidence(rows)).calibrations == {}
