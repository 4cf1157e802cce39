from __future__ import annotations

import pytest

from prefline.labeling.calibrate import calibrate
from prefline.labeling.evidence import gather_evidence
from tests.prefline.labeling.judgments import judgment, planted


@pytest.mark.parametrize("bias", [-1.0, 0.0, 2.0])
def test_a_planted_position_bias_is_recovered(bias: float) -> None:
    calibration = calibrate(gather_evidence(planted(2_000, 1.0, bias)))["small"]

    assert calibration.position_bias == pytest.approx(bias, abs=0.05)


def test_a_judge_without_a_clue_is_worth_nothing() -> None:
    calibration = calibrate(gather_evidence(planted(2_000, 0.0, 1.0)))["small"]

    assert calibration.fitted
    assert calibration.slope < 0.1


def test_a_judge_that_knows_is_worth_what_its_errors_allow() -> None:
    # Two normals at +1 and -1 with unit variance: the posterior log-odds are 2x.
    calibration = calibrate(gather_evidence(planted(5_000, 1.0, 0.5)))["small"]

    assert calibration.slope == pytest.approx(2.0, rel=0.1)


def test_its_accuracy_is_measured_with_its_position_bias_taken_off() -> None:
    # It says "first" nearly always, yet its log-odds know: Phi(1) = 0.84.
    accuracy = calibrate(gather_evidence(planted(4_000, 1.0, 6.0)))["small"].accuracy

    assert accuracy.value == pytest.approx(0.84, abs=0.02)


def test_a_judge_worse_than_chance_is_not_turned_round() -> None:
    assert calibrate(gather_evidence(planted(500, -1.0, 0.0)))["small"].slope == 0.0


def test_with_too_little_gold_the_judge_is_taken_at_its_word_and_that_is_said() -> None:
    calibration = calibrate(gather_evidence(planted(5, 1.0, 0.0)))["small"]

    assert calibration.slope == pytest.approx(1.0, abs=0.5)
    assert (calibration.fitted, calibration.accuracy.n) == (False, 5)
    assert any("taken at its word" in warning for warning in calibration.warnings)


def test_a_verifier_needs_no_calibration() -> None:
    rows = [judgment("a", "b", "first", judge="verifier", p_first=1.0)]

    assert calibrate(gather_evidence(rows)) == {}


@pytest.mark.parametrize("method", ["rubric", "reward_model"])
def test_a_judge_that_sees_no_order_is_given_no_position_bias_and_keeps_its_ties(
    method: str,
) -> None:
    rows = [row for row in planted(300, 1.0, 0.0) if row["judge"] == "verifier"]
    scores = {"judge": "scores", "method": method}
    known = [row | scores | {"p_first": 0.9 if row["p_first"] else 0.1} for row in rows[:60]]
    # All shown one way round by chance: ties are ties all the same.
    tied = [row | scores | {"verdict": "tie", "p_first": 0.5} for row in rows[60:]]
    calibration = calibrate(gather_evidence([*rows, *known, *tied]))["scores"]

    assert calibration.position_bias == 0.0
    assert calibration.accuracy.value == pytest.approx(60 / 300)
