from __future__ import annotations

import asyncio
from typing import Any

import pytest
import uvloop

from prefline.llm.backpressure import AdaptiveConcurrency, CircuitBreaker
from prefline.llm.dispatch import Dispatcher, Permit, Replica
from prefline.llm.faults import Fault
from prefline.llm.parsing import Refused, Retry

BROKEN = Retry("http_500", "oops", broken=True)
FINE = Refused("bad_request", "but answered", Fault("but answered"))


def replicas(*limits: int) -> list[Replica]:
    return [
        Replica(f"http://{n}", AdaptiveConcurrency(limit), CircuitBreaker(2, 0.05))
        for n, limit in enumerate(limits)
    ]


async def take(dispatcher: Dispatcher) -> Permit:
    permit = await dispatcher.acquire()
    assert permit is not None
    return permit


def end_call(dispatcher: Dispatcher, permit: Permit, answer: Retry | Refused) -> None:
    permit.record(answer, asyncio.get_running_loop().time())
    dispatcher.release(permit)


def test_the_replica_with_the_fewest_calls_under_way_comes_first() -> None:
    async def run() -> list[str]:
        dispatcher = Dispatcher(replicas(4, 4))
        permits = [await take(dispatcher) for _ in range(4)]
        first = [permit for permit in permits if permit.replica.url == "http://0"]
        for permit in first:
            dispatcher.release(permit)
        return [(await take(dispatcher)).replica.url for _ in range(2)]

    assert asyncio.run(run()) == ["http://0", "http://0"]


def test_no_more_calls_are_under_way_than_the_limits_allow() -> None:
    async def run() -> int:
        dispatcher, most_seen = Dispatcher(replicas(3, 2)), 0

        async def call() -> None:
            nonlocal most_seen
            permit = await take(dispatcher)
            most_seen = max(most_seen, dispatcher.in_flight)
            await asyncio.sleep(0)
            end_call(dispatcher, permit, FINE)

        await asyncio.gather(*(call() for _ in range(200)))
        return most_seen

    assert asyncio.run(run()) == 5


def test_calls_go_on_at_the_others_while_one_replica_fails() -> None:
    async def run() -> list[str]:
        dispatcher = Dispatcher(replicas(8, 8))
        for _ in range(40):
            permit = await take(dispatcher)
            end_call(dispatcher, permit, BROKEN if permit.replica.url == "http://0" else FINE)
        return [(await take(dispatcher)).replica.url for _ in range(5)]

    assert asyncio.run(run()) == ["http://1"] * 5


def test_when_all_replicas_are_down_everybody_in_the_queue_is_told() -> None:
    async def run() -> list[Permit | None]:
        dispatcher = Dispatcher(replicas(1))

        async def call() -> Permit | None:
            while (permit := await dispatcher.acquire()) is not None:
                end_call(dispatcher, permit, BROKEN)
            return None

        return await asyncio.wait_for(asyncio.gather(*(call() for _ in range(20))), 5)

    assert asyncio.run(run()) == [None] * 20


def test_a_replica_that_asked_to_wait_gets_no_call_meanwhile() -> None:
    async def run() -> float:
        dispatcher = Dispatcher(replicas(8))
        overloaded = Retry("http_429", "slow down", after_s=0.2, overloaded=True)
        end_call(dispatcher, await take(dispatcher), overloaded)
        began = asyncio.get_running_loop().time()
        await take(dispatcher)
        return asyncio.get_running_loop().time() - began

    assert asyncio.run(run()) >= 0.19


def test_a_permit_given_to_a_call_that_was_cancelled_goes_to_the_next_in_the_queue() -> None:
    async def run() -> Permit | None:
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
    async def run() -> Permit | None:
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
    async def run() -> Permit | None:
        dispatcher = Dispatcher(replicas(1, 1))
        answers = [
            Retry("http_429", "slow down", after_s=wait_s, overloaded=True)
            for wait_s in (30.0, 0.05)
        ]
        permits = [await take(dispatcher) for _ in answers]
        waiting = asyncio.create_task(dispatcher.acquire())
        await asyncio.sleep(0)
        for permit, answer in zip(permits, answers, strict=True):
            end_call(dispatcher, permit, answer)
        return await asyncio.wait_for(waiting, 2)

    with asyncio.Runner(loop_factory=loop) as runner:
        assert runner.run(run()) is not None


def test_a_server_that_refuses_every_call_for_longer_than_a_call_may_take_is_down() -> None:
    replica = Replica(
        "http://0", AdaptiveConcurrency(4), CircuitBreaker(2, 0.05), longest_pause_s=60.0
    )
    now = 0.0
    while not replica.breaker.is_down:
        permit = replica.start_call(now)
        permit.record(Retry("http_429", "slow down", overloaded=True), now)
        replica.end_call(permit, now)
        now = replica.backoff.until

    assert 60 < now < 180
    assert "refuses every call" in replica.breaker.last_detail


def test_an_outage_lowers_the_concurrency_once_however_often_a_call_is_refused() -> None:
    replica = Replica("http://0", AdaptiveConcurrency(32), CircuitBreaker(2, 0.05))
    refused = Retry("http_429", "slow down", overloaded=True)
    now = 1.0
    permits = [replica.start_call(now) for _ in range(32)]
    while permits:  # the newest first: those are sent again as the falling limit allows
        permit = permits.pop()
        now += 0.001
        permit.record(refused, now)
        replica.end_call(permit, now)
        while replica.takes_call(now):
            permits.append(replica.start_call(now))
    assert replica.concurrency.limit < 16

    probe = replica.start_call(replica.backoff.until)
    probe.record(FINE, now)
    replica.end_call(probe, now)
    assert replica.concurrency.limit == int(0.7 * 32)
