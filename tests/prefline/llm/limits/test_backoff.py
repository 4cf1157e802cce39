from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from prefline.llm.limits.backoff import back_off_s


@given(tries=st.integers(1, 10_000), longest=st.floats(0.1, 60), seed=st.integers())
def test_a_wait_is_never_longer_than_params_allow(tries: int, longest: float, seed: int) -> None:
    assert 0 <= back_off_s(tries, longest, None, random.Random(seed)) <= longest


@given(tries=st.integers(1, 10), asked=st.floats(0, 600), seed=st.integers())
def test_nobody_comes_back_before_the_server_asked(tries: int, asked: float, seed: int) -> None:
    assert asked <= back_off_s(tries, 30.0, asked, random.Random(seed)) <= asked + 1
