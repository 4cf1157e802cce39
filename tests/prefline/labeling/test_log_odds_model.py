from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefline.labeling.log_odds_model import Parameters, VotePatterns, agreement_log_density


@given(st.integers(1, 4), st.integers(0, 2**32 - 1))
@settings(max_examples=30)
def test_the_density_is_that_of_the_normal_with_a_common_factor(annotators: int, seed: int) -> None:
    draw = np.random.default_rng(seed)
    a, tau, v, x = (draw.uniform(0.1, 2, annotators) for _ in range(4))
    count = draw.integers(1, 3, (1, annotators))
    patterns = VotePatterns(count, np.ones(1), np.outer(x, x)[None])
    whole = np.outer(a, a) + np.diag(tau**2 + v / count[0])
    expected = -0.5 * (np.linalg.slogdet(whole)[1] + x @ np.linalg.solve(whole, x))

    assert agreement_log_density(Parameters(a, tau, 1.0, 0.0), v, patterns) == pytest.approx(
        expected
    )
