from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefline.labeling.fit import standard_errors


@given(st.lists(st.floats(-3, 3), min_size=2, max_size=2))
def test_the_spread_of_a_linear_function_is_exact(by: list[float]) -> None:
    cov = np.array([[2.0, 0.5], [0.5, 1.0]])
    errors = standard_errors(lambda at: np.array([at @ by]), np.zeros(2), cov)

    assert errors[0] == pytest.approx(math.sqrt(max(0.0, np.array(by) @ cov @ by)), abs=1e-6)
