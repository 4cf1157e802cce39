"""Rate limits and latencies by themselves, without a server."""

from email.utils import parsedate_to_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefline.llm.rate_limits import TokenBucket
from prefline.simulator import Latency, Limits
from prefline.simulator.limits import RateLimiter, latency_s, retry_headers


@given(st.lists(st.tuples(st.floats(0, 3), st.floats(0.1, 20)), min_size=1, max_size=60))
def test_a_bucket_never_lets_through_more_than_its_rate(steps: list[tuple[float, float]]) -> None:
    bucket = TokenBucket(rate=2.0, capacity=10.0)
    now = taken = largest = 0.0
    for pause, cost in steps:
        now += pause
        if bucket.wait(cost, now) == 0:
            bucket.take(cost)
            taken += cost
            largest = max(largest, cost)
    assert taken <= 10.0 + 2.0 * now + largest + 1e-3


@given(st.floats(0.1, 100), st.floats(0.01, 50), st.floats(0.1, 200))
def test_a_client_that_waits_as_told_is_admitted(rate: float, before: float, cost: float) -> None:
    bucket = TokenBucket(rate=rate, capacity=max(1.0, rate))
    bucket.take(before)
    wait = bucket.wait(cost, 0.0)
    assert bucket.wait(cost, wait) == 0


def test_the_longer_wait_of_requests_and_tokens_counts() -> None:
    limiter = RateLimiter(Limits(requests_per_minute=60, tokens_per_minute=600), now=0.0)
    assert limiter.admit(10, 0.0) == 0
    assert limiter.admit(1, 0.0) == pytest.approx(1.0)
    assert limiter.admit(10, 0.5) == pytest.approx(0.5)
    assert limiter.admit(10, 1.0) == 0


def test_a_refused_request_is_not_charged() -> None:
    limiter = RateLimiter(Limits(requests_per_minute=60), now=0.0)
    waits = [limiter.admit(0, 0.0) for _ in range(5)]
    assert waits == [0, *[pytest.approx(1.0)] * 4]


@pytest.mark.parametrize(
    ("style", "expected"),
    [
        ("seconds", {"Retry-After": "2"}),
        ("milliseconds", {"retry-after-ms": "1250"}),
        ("both", {"Retry-After": "2", "retry-after-ms": "1250"}),
        ("none", {}),
    ],
)
def test_the_wait_is_told_in_the_style_asked_for(style: str, expected: dict[str, str]) -> None:
    assert retry_headers(1.25, style) == expected  # type: ignore[arg-type]  # pytest's parameters are plain strings


def test_a_date_is_a_date_that_http_knows() -> None:
    assert parsedate_to_datetime(retry_headers(5, "date")["Retry-After"]).tzinfo is not None


@given(st.integers(0, 2**64 - 1), st.integers(0, 5))
def test_latencies_stay_in_their_distribution(body: int, attempt: int) -> None:
    uniform = Latency(distribution="uniform", ms=200, spread=50)
    assert 0.150 <= latency_s(uniform, body, attempt) <= 0.250
    assert latency_s(uniform, body, attempt) == latency_s(uniform, body, attempt)
    assert latency_s(Latency(distribution="lognormal", ms=200, spread=0.3), body, attempt) > 0
    assert latency_s(Latency(ms=200), body, attempt) == 0.2


def test_half_of_lognormal_latencies_are_below_the_median() -> None:
    latency = Latency(distribution="lognormal", ms=200, spread=0.5)
    below = sum(latency_s(latency, body, 0) < 0.2 for body in range(2_000))
    assert below / 2_000 == pytest.approx(0.5, abs=0.05)
