from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable

import pytest

from prefline.llm.limits.concurrency import AdaptiveLimit, Call


def drive(limit: AdaptiveLimit, latency_s: Callable[[int], float], calls: int) -> list[int]:
    """Keep a server as busy as the limit allows; `latency_s` of a call depends on how many are
    under way when it begins. Returns the limit after each call."""
    now, number = 0.0, itertools.count()
    under_way: list[tuple[float, int, Call]] = []
    seen = []
    for _ in range(calls):
        while len(under_way) < limit.limit:
            busy = len(under_way) + 1
            heapq.heappush(under_way, (now + latency_s(busy), next(number), Call(now, busy)))
        now, _, call = heapq.heappop(under_way)
        limit.succeeded(call, now, len(under_way) + 1)
        seen.append(limit.limit)
    return seen


def test_it_grows_to_the_most_while_the_server_keeps_up() -> None:
    seen = drive(AdaptiveLimit(most=1_024), lambda _: 0.2, 5_000)

    assert max(seen) == seen[-1] == 1_024


def test_it_stops_near_the_point_from_which_the_server_only_queues() -> None:
    slots = 100
    seen = drive(AdaptiveLimit(most=4_096), lambda busy: 0.2 * max(1.0, busy / slots), 30_000)

    assert slots <= seen[-1] <= 2.5 * slots


def test_a_batching_server_that_gets_slower_and_does_more_is_not_held_back() -> None:
    # Latency rises by half with each doubling: throughput still grows by a third.
    seen = drive(AdaptiveLimit(most=512), lambda busy: 0.1 * busy**0.585, 20_000)

    assert seen[-1] == 512


def test_it_comes_down_when_a_server_gets_slower_and_goes_up_again_after_it() -> None:
    limit = AdaptiveLimit(most=256)
    drive(limit, lambda _: 0.2, 3_000)
    limit.objected(0.0, 0.0)
    settled = drive(limit, lambda _: 0.2, 3_000)[-1]
    slow = drive(limit, lambda _: 0.9, 3_000)[-1]
    again = drive(limit, lambda _: 0.2, 20_000)[-1]

    assert slow < 0.7 * settled
    assert again > slow


def test_calls_that_object_together_cut_it_once() -> None:
    limit = AdaptiveLimit(most=100)
    drive(limit, lambda _: 0.1, 1_000)
    for number in range(50):
        limit.objected(499.0 + number / 100, 500.0)

    assert limit.limit == 70


@pytest.mark.parametrize("most", [1, 2, 1_000])
def test_it_never_stops_altogether(most: int) -> None:
    limit = AdaptiveLimit(most)
    for second in range(100):
        limit.objected(2.0 * second, 2.0 * second + 1)

    assert limit.limit == 1


def test_a_limit_that_nobody_uses_does_not_grow() -> None:
    limit = AdaptiveLimit(most=1_024)
    for n in range(1_000):
        limit.succeeded(Call(n * 0.1, 2), n * 0.1 + 0.1, 2)

    assert limit.limit < 64
