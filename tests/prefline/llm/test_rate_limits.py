from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefline.config import RateLimits
from prefline.llm.rate_limits import TokenBucket, rate_limiter_for


@given(
    costs=st.lists(st.floats(0.1, 5), min_size=1, max_size=50),
    gaps=st.lists(st.floats(0, 3), min_size=50, max_size=50),
)
def test_no_stretch_of_time_gets_more_than_its_rate_and_one_burst(
    costs: list[float], gaps: list[float]
) -> None:
    bucket, now, due = TokenBucket(rate=2.0, capacity=3.0), 0.0, []
    for cost, gap in zip(costs, gaps, strict=False):
        now += gap
        due.append((now + bucket.reserve(cost, now), cost))

    assert [at for at, _ in due] == sorted(at for at, _ in due)
    for start in range(len(due)):
        for end in range(start + 1, len(due)):
            # What comes due at the end of a stretch may still be owed.
            taken = sum(cost for _, cost in due[start:end])
            assert taken <= 2.0 * (due[end][0] - due[start][0]) + 3.0 + due[start][1] + 1e-6


def test_a_clock_that_jumps_back_stops_nobody() -> None:
    bucket = TokenBucket(rate=1.0, capacity=1.0, at=1_000.0)
    bucket.reserve(1.0, 1_000.0)

    assert bucket.reserve(1.0, 10.0) == pytest.approx(1.0)
    assert bucket.reserve(1.0, 1_000.5) == pytest.approx(1.5)


def test_tokens_that_were_not_used_are_there_for_the_next_call() -> None:
    async def two_calls(used: int) -> float:
        limiter = rate_limiter_for(RateLimits(tokens_per_minute=6_000))
        await limiter.acquire(100)
        limiter.correct(100, used)
        began = asyncio.get_running_loop().time()
        await limiter.acquire(100)
        return asyncio.get_running_loop().time() - began

    assert asyncio.run(two_calls(used=100)) > 0.5
    assert asyncio.run(two_calls(used=0)) < 0.5
