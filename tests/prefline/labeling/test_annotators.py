from __future__ import annotations

import numpy as np

from prefline.labeling.annotators import hard_position_effect, soft_position_effect


def test_one_word_alone_is_taken_for_half_liking_and_half_position() -> None:
    position = soft_position_effect(np.array([0]), np.array([1.0]), np.array([2.0]))

    assert 0 < position.bias < 2


def test_ties_are_between_the_verdicts() -> None:
    value = np.array([1.0, 1.0, 0.0, -1.0])
    corrected = hard_position_effect(np.arange(4), np.ones(4), value).corrected

    assert corrected[1] > corrected[2] > corrected[3]
