from __future__ import annotations

import asyncio

from prefline.engine.concurrency import AdaptiveLimit


def test_it_grows_while_the_server_keeps_up_and_never_past_the_most() -> None:
    limit = AdaptiveLimit(most=32)
    for _ in range(1_000):
        limit.succeeded()

    assert limit.limit == 32


def test_calls_that_object_together_cut_it_once() -> None:
    limit = AdaptiveLimit(most=100)
    for _ in range(1_000):
        limit.succeeded()
    for _ in range(50):
        limit.overloaded()

    assert limit.limit == 70


def test_it_never_stops_altogether() -> None:
    limit = AdaptiveLimit(most=1)
    limit.overloaded()

    assert limit.limit == 1


def test_no_more_calls_are_under_way_than_allowed() -> None:
    limit, under_way, most_seen = AdaptiveLimit(most=5), 0, 0

    async def call() -> None:
        nonlocal under_way, most_seen
        async with limit.slot():
            under_way += 1
            most_seen = max(most_seen, under_way)
            await asyncio.sleep(0)
            under_way -= 1

    async def all_calls() -> None:
        await asyncio.gather(*(call() for _ in range(100)))

    asyncio.run(all_calls())
    assert most_seen == 5
