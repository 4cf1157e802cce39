from __future__ import annotations

import asyncio
from typing import Any

import pytest
import uvloop

from prefline.llm.answers import Refused, TryAgain
from prefline.llm.dispatch import Dispatcher, Replica, Turn
from prefline.llm.limits.breaker import Breaker
from prefline.llm.limits.concurrency import AdaptiveLimit

BROKEN = TryAgain("http_500", "oops", broken=True)
FINE = Refused("bad_request", "but answered")


def replicas(*most: int) -> list[Replica]:
    return [
        Replica(f"http://{n}", AdaptiveLimit(one), Breaker(2, 0.05)) for n, one in enumerate(most)
    ]


async def take(dispatcher: Dispatcher) -> Turn:
    turn = await dispatcher.acquire()
    assert turn is not None
    return turn


def answer(dispatcher: Dispatcher, turn: Turn, what: TryAgain | Refused) -> None:
    turn.learn(what, asyncio.get_running_loop().time())
    dispatcher.release(turn)


def test_the_replica_with_the_fewest_calls_under_way_comes_first() -> None:
    async def run() -> list[str]:
        dispatcher = Dispatcher(replicas(4, 4))
        turns = [await take(dispatcher) for _ in range(4)]
        first = [turn for turn in turns if turn.replica.url == "http://0"]
        for turn in first:
            dispatcher.release(turn)
        return [(await take(dispatcher)).replica.url for _ in range(2)]

    assert asyncio.run(run()) == ["http://0", "http://0"]


def test_no_more_calls_are_under_way_than_the_limits_allow() -> None:
    async def run() -> int:
        dispatcher, most_seen = Dispatcher(replicas(3, 2)), 0

        async def call() -> None:
            nonlocal most_seen
            turn = await take(dispatcher)
            most_seen = max(most_seen, dispatcher.in_flight)
            await asyncio.sleep(0)
            answer(dispatcher, turn, FINE)

        await asyncio.gather(*(call() for _ in range(200)))
        return most_seen

    assert asyncio.run(run()) == 5


def test_calls_go_on_at_the_others_while_one_replica_fails() -> None:
    async def run() -> list[str]:
        dispatcher = Dispatcher(replicas(8, 8))
        for _ in range(40):
            turn = await take(dispatcher)
            answer(dispatcher, turn, BROKEN if turn.replica.url == "http://0" else FINE)
        return [(await take(dispatcher)).replica.url for _ in range(5)]

    assert asyncio.run(run()) == ["http://1"] * 5


def test_when_all_replicas_are_down_everybody_in_line_is_told() -> None:
    async def run() -> list[Turn | None]:
        dispatcher = Dispatcher(replicas(1))

        async def call() -> Turn | None:
            while (turn := await dispatcher.acquire()) is not None:
                answer(dispatcher, turn, BROKEN)
            return None

        return await asyncio.wait_for(asyncio.gather(*(call() for _ in range(20))), 5)

    assert asyncio.run(run()) == [None] * 20


def test_a_replica_that_asked_to_wait_gets_no_call_meanwhile() -> None:
    async def run() -> float:
        dispatcher = Dispatcher(replicas(8))
        told = TryAgain("http_429", "slow down", after_s=0.2, overloaded=True)
        answer(dispatcher, await take(dispatcher), told)
        began = asyncio.get_running_loop().time()
        await take(dispatcher)
        return asyncio.get_running_loop().time() - began

    assert asyncio.run(run()) >= 0.19


def test_a_turn_given_to_a_call_that_was_cancelled_goes_to_the_next_in_line() -> None:
    async def run() -> Turn | None:
        dispatcher = Dispatcher(replicas(1))
        held = await take(dispatcher)
        leaving = asyncio.create_task(dispatcher.acquire())
        staying = asyncio.create_task(dispatcher.acquire())
        await asyncio.sleep(0)
        dispatcher.release(held)
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving
        return await asyncio.wait_for(staying, 1)

    assert asyncio.run(run()) is not None


def test_a_pause_that_ends_while_it_is_looked_at_strands_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def run() -> Turn | None:
        dispatcher, loop = Dispatcher(replicas(1)), asyncio.get_running_loop()
        until = dispatcher.replicas[0].paused_until = loop.time() + 0.05
        times = iter([until - 0.001])
        monkeypatch.setattr(
            "prefline.llm.dispatch._now", lambda: next(times, max(until + 0.001, loop.time()))
        )
        return await asyncio.wait_for(dispatcher.acquire(), 2)

    assert asyncio.run(run()) is not None


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_a_short_pause_is_not_waited_out_at_the_end_of_a_longer_one(loop: Any) -> None:
    async def run() -> Turn | None:
        dispatcher = Dispatcher(replicas(1, 1))
        told = [
            TryAgain("http_429", "slow down", after_s=wait_s, overloaded=True)
            for wait_s in (30.0, 0.05)
        ]
        turns = [await take(dispatcher) for _ in told]
        waiting = asyncio.create_task(dispatcher.acquire())
        await asyncio.sleep(0)
        for turn, what in zip(turns, told, strict=True):
            answer(dispatcher, turn, what)
        return await asyncio.wait_for(waiting, 2)

    with asyncio.Runner(loop_factory=loop) as runner:
        assert runner.run(run()) is not None
