from __future__ import annotations

import numpy as np
import pytest

from prefline.labeling.annotators import hard_position_effect, soft_position_effect
from prefline.labeling.calibration import label
from prefline.labeling.evidence import gather_evidence
from tests.prefline.labeling.judgments import planted


def test_one_word_alone_is_taken_for_half_liking_and_half_position() -> None:
    position = soft_position_effect(np.array([0]), np.array([1.0]), np.array([2.0]))

    assert 0 < position.bias < 2


def test_ties_are_between_the_verdicts() -> None:
    value = np.array([1.0, 1.0, 0.0, -1.0])
    corrected = hard_position_effect(np.arange(4), np.ones(4), value).corrected

    assert corrected[1] > corrected[2] > corrected[3]


@pytest.mark.parametrize("method", ["rubric", "reward_model"])
def test_a_judge_that_sees_no_order_is_given_no_position_bias_and_keeps_its_ties(
    method: str,
) -> None:
    rows = [row for row in planted(300, 1.0, 0.0) if row["judge"] == "verifier"]
    scores = {"judge": "scores", "method": method}
    known = [row | scores | {"p_first": 0.9 if row["p_first"] else 0.1} for row in rows[:60]]
    # All shown one way round by chance: ties are ties all the same.
    tied = [row | scores | {"verdict": "tie", "p_first": 0.5} for row in rows[60:]]
    calibration = label(gather_evidence([*rows, *known, *tied])).calibrations["scores"]

    assert calibration.position_bias == 0.0
    assert calibration.accuracy.value == pytest.approx(60 / 300)
