from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefline.llm.backpressure import (
    AdaptiveConcurrency,
    CallStart,
    CircuitBreaker,
    SharedBackoff,
    backoff_s,
)


def drive(limit: AdaptiveConcurrency, latency_s: Callable[[int], float], calls: int) -> list[int]:
    """Keep a server as busy as the limit allows; `latency_s` of a call depends on how many are
    under way when it begins. Returns the limit after each call."""
    now, number = 0.0, itertools.count()
    under_way: list[tuple[float, int, CallStart]] = []
    seen = []
    for _ in range(calls):
        while len(under_way) < limit.limit:
            busy = len(under_way) + 1
            heapq.heappush(under_way, (now + latency_s(busy), next(number), CallStart(now, busy)))
        now, _, call = heapq.heappop(under_way)
        limit.record_success(call, now, len(under_way) + 1)
        seen.append(limit.limit)
    return seen


def test_it_grows_to_the_most_while_the_server_keeps_up() -> None:
    seen = drive(AdaptiveConcurrency(maximum=1_024), lambda _: 0.2, 5_000)

    assert max(seen) == seen[-1] == 1_024


def test_it_stops_near_the_point_from_which_the_server_only_queues() -> None:
    slots = 100
    limit = AdaptiveConcurrency(maximum=4_096)
    seen = drive(limit, lambda busy: 0.2 * max(1.0, busy / slots), 30_000)

    assert slots <= seen[-1] <= 2.5 * slots


def test_a_batching_server_that_gets_slower_and_does_more_is_not_held_back() -> None:
    # Latency rises by half with each doubling: throughput still grows by a third.
    seen = drive(AdaptiveConcurrency(maximum=512), lambda busy: 0.1 * busy**0.585, 20_000)

    assert seen[-1] == 512


def test_it_comes_down_when_a_server_gets_slower_and_goes_up_again_after_it() -> None:
    limit = AdaptiveConcurrency(maximum=256)
    drive(limit, lambda _: 0.2, 3_000)
    limit.record_overload(0.0, 0.0)
    settled = drive(limit, lambda _: 0.2, 3_000)[-1]
    slow = drive(limit, lambda _: 0.9, 3_000)[-1]
    again = drive(limit, lambda _: 0.2, 20_000)[-1]

    assert slow < 0.7 * settled
    assert again > slow


def test_calls_that_object_together_cut_it_once() -> None:
    limit = AdaptiveConcurrency(maximum=100)
    drive(limit, lambda _: 0.1, 1_000)
    for number in range(50):
        limit.record_overload(499.0 + number / 100, 500.0)

    assert limit.limit == 70


@pytest.mark.parametrize("most", [1, 2, 1_000])
def test_it_never_stops_altogether(most: int) -> None:
    limit = AdaptiveConcurrency(most)
    for second in range(100):
        limit.record_overload(2.0 * second, 2.0 * second + 1)

    assert limit.limit == 1


def test_a_limit_that_nobody_uses_does_not_grow() -> None:
    limit = AdaptiveConcurrency(maximum=1_024)
    for n in range(1_000):
        limit.record_success(CallStart(n * 0.1, 2), n * 0.1 + 0.1, 2)

    assert limit.limit < 64


def broken(tries: int = 3) -> CircuitBreaker:
    breaker = CircuitBreaker(tries, longest_s=4.0)
    for _ in range(10):
        breaker.record_failure("http_500", 0.0, trial=breaker.start_call())
    return breaker


def test_ten_failures_in_a_row_open_it_and_a_success_among_them_does_not() -> None:
    breaker = CircuitBreaker(3, 4.0)
    for number in range(30):
        breaker.record_failure("http_500", 0.0, trial=False)
        if number % 9 == 8:
            breaker.record_success()

    assert not breaker.is_open
    assert broken().is_open


def test_an_open_one_lets_one_call_through_after_a_pause() -> None:
    breaker = broken()

    assert not breaker.allows(0.4)
    assert breaker.allows(0.5)
    assert breaker.start_call()
    assert not breaker.allows(0.6)


def test_a_success_closes_it() -> None:
    breaker = broken()
    breaker.start_call()
    breaker.record_success()
    breaker.end_trial()

    assert breaker.allows(0.0)


def test_pauses_double_up_to_the_longest_and_then_it_is_down() -> None:
    breaker, now, pauses = broken(tries=5), 0.0, []
    while not breaker.is_down:
        pauses.append(breaker.retry_at - now)
        now = breaker.retry_at
        breaker.record_failure("refused", now, trial=breaker.start_call())
        breaker.end_trial()

    assert pauses == [0.5, 1.0, 2.0, 4.0, 4.0]
    assert breaker.last_detail == "refused"


def test_calls_that_were_under_way_when_it_opened_do_not_count_as_trials() -> None:
    breaker = broken(tries=2)
    for _ in range(100):
        breaker.record_failure("timeout", 1.0, trial=False)

    assert not breaker.is_down


@given(tries=st.integers(1, 10_000), longest=st.floats(0.1, 60), seed=st.integers())
def test_a_wait_is_never_longer_than_params_allow(tries: int, longest: float, seed: int) -> None:
    assert 0 <= backoff_s(tries, longest, None, random.Random(seed)) <= longest


@given(tries=st.integers(1, 10), asked=st.floats(0, 600), seed=st.integers())
def test_nobody_comes_back_before_the_server_asked(tries: int, asked: float, seed: int) -> None:
    assert asked <= backoff_s(tries, 30.0, asked, random.Random(seed)) <= asked + 1


def refuse_all(backoff: SharedBackoff, began: float, now: float, calls: int) -> None:
    """Let `calls` that began at `began` be refused one after another at `now`."""
    for left in range(calls, 0, -1):
        backoff.record_refusal(now, left)
        backoff.end_call(began, now)


def test_a_server_that_refuses_every_call_is_left_alone_and_then_tried_by_one() -> None:
    backoff = SharedBackoff(30.0, random.Random(3))
    refuse_all(backoff, 0.0, 1.0, 8)

    assert backoff.is_refused
    assert not backoff.allows(1.0)
    assert 1.0 < backoff.until <= 1.5
    assert backoff.allows(backoff.until)
    backoff.start_call()
    assert not backoff.allows(backoff.until + 9), "while the probe is under way"
    backoff.record_success()
    backoff.end_call(backoff.until, 2.0)
    assert backoff.allows(2.0)
    assert not backoff.is_refused


def test_a_server_that_takes_some_calls_and_refuses_others_is_not_left_alone() -> None:
    backoff = SharedBackoff(30.0, random.Random(3))
    backoff.record_refusal(1.0, 8)
    for _ in range(7):
        backoff.end_call(0.0, 1.0)
    for number in range(20):  # sent in the meantime, and refused at once
        backoff.record_refusal(1.1 + number, 2)
        backoff.end_call(1.1 + number, 1.1 + number)
    assert backoff.allows(30.0), "one of the first is still under way"

    backoff.record_success()
    backoff.end_call(0.0, 30.0)
    assert backoff.allows(30.0)


@given(st.integers(0, 99), st.integers(1, 400))
def test_pauses_grow_with_the_time_that_was_lost_whoever_sends_the_probes(
    seed: int, calls: int
) -> None:
    backoff, probes, now = SharedBackoff(30.0, random.Random(seed)), 0, 0.01
    refuse_all(backoff, 0.0, now, calls)
    while now < 120.0:
        assert 0 <= backoff.until - now <= min(30.0, max(0.5, now))
        began = backoff.until
        backoff.start_call()
        now = began + 0.01
        backoff.record_refusal(now, 1)
        backoff.end_call(began, now)
        probes += 1

    assert probes <= 60
