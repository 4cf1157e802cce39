"""The engine: a bounded pool of workers over an iterator of requests."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from prefline.config import Endpoint, EngineParams
from prefline.errors import EndpointUnreachable, Interrupted
from prefline.llm.batch import BatchFetcher, Segments
from prefline.llm.bodies import parse_reply
from prefline.llm.caller import Caller, LocalServers, Means, most_in_flight
from prefline.llm.dialogue import Dialogue, Item, Steps
from prefline.llm.http import allow_connections
from prefline.llm.limits.budget import Budget
from prefline.llm.limits.rates import Lease
from prefline.llm.loop_thread import LoopThread
from prefline.llm.ordered import Ordered
from prefline.llm.outcome import Failure, Outcome, readdress
from prefline.llm.recall import Recall
from prefline.llm.replies import ReplyStore
from prefline.llm.request import Request
from prefline.llm.tally import Tally
from prefline.llm.transport import Transport

T = TypeVar("T")

_GRACE_S = 3.0  # for calls under way when the run is told to stop
_LEAST_AHEAD = 2_000  # requests that may be under way or done before their turn


@dataclass(frozen=True, slots=True)
class Backing:
    """What an engine may be given: the servers of local models, somebody to lease shared
    rates from, what the run's earlier stages have spent, and a folder to note batches in."""

    local: LocalServers | None = None
    lease: Lease | None = None
    earlier_usd: float = 0.0
    batches: Path | None = None


class Engine:
    """Answers requests from the reply store, or else from their model's endpoint.

    `endpoints` gives each model its endpoint. Use it as a context manager, and from one
    thread.
    """

    def __init__(
        self,
        endpoints: Iterable[Endpoint],
        params: EngineParams,
        store: ReplyStore,
        backing: Backing | None = None,
    ) -> None:
        endpoints, backing = list(endpoints), backing or Backing()
        self.budget = Budget(params.spend_limit_usd, backing.earlier_usd)
        self.tally = Tally()
        self._transport = Transport(params.timeout_s)
        means = Means(params, self._transport, self.budget, backing.local, backing.lease)
        self._callers = {one.model: Caller(one, means) for one in endpoints}
        folder = backing.batches
        fetchers = [
            BatchFetcher(one, params, store, self.budget, folder)
            for one in endpoints
            if one.mode == "batch" and folder is not None
        ]
        self._recall = Recall(store, endpoints)
        self._segments = Segments(fetchers, self._recall, self.tally)
        self._most_in_flight = sum(most_in_flight(one, params, backing.local) for one in endpoints)
        # As many may wait for the disk as have calls under way. Without endpoints one is left,
        # for dialogues that make no calls.
        self._workers = max(1, 2 * self._most_in_flight)
        self._store = store
        self._under_way: dict[str, asyncio.Future[Outcome]] = {}
        self._down: dict[str, EndpointUnreachable] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._storing = 0
        self._stopping = self._hurried = False

    def __enter__(self) -> Engine:
        allow_connections(self._most_in_flight)
        self._thread = LoopThread()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the calls under way, for a moment gently: their replies are being paid for. An
        interrupt meanwhile ends that moment; what has arrived is stored all the same."""
        try:
            self._thread.see_through(self._end(), self._hurry)
        finally:
            self._thread.close()

    @property
    def in_flight(self) -> int:
        """Calls under way."""
        return sum(caller.in_flight for caller in self._callers.values())

    def notes(self) -> list[str]:
        """What else there is to say of a run under way: batches that are waited for."""
        return self._segments.progress()

    def answer(self, requests: Iterable[Request]) -> Iterator[Outcome]:
        """The outcomes of requests, in their order, as they come; constant memory.

        Calls begin when the iterator is first read, and go on while the reader does other
        things. Raises `EndpointError`, `SpendLimitReached` or `DiskFull` when no further call
        makes sense: calls under way are ended first, and every reply that arrived is stored.
        Where one of several models cannot be reached, the others' calls are made first.
        """
        return self._stream(requests)

    def converse(self, dialogues: Iterable[Steps[T]]) -> Iterator[T]:
        """What dialogues return, in their order, as they come; constant memory.

        Each goes on as soon as its last call is answered, whatever the others wait for. Their
        code runs on the engine's thread: it should decide, not work. Raises what `answer` does,
        and what a dialogue raises.
        """
        return self._stream(Dialogue(steps) for steps in dialogues)

    def _stream(self, items: Iterable[Item]) -> Iterator[Any]:
        results: Ordered[Any] = Ordered(self._thread.loop, max(_LEAST_AHEAD, 2 * self._workers))
        self._thread.start(self._run(items, results))
        try:
            yield from results
        finally:
            results.close()

    async def _run(self, items: Iterable[Item], results: Ordered[Any]) -> None:
        errors: list[Exception] = []
        numbered = enumerate(items)
        try:
            async for segment in self._segments.of(numbered):
                await self._work_through(segment, results, errors)
                if errors or self._stopping:
                    break
        except Exception as error:  # noqa: BLE001 - raised by the reader
            errors.append(error)
        if self._stopping:
            errors.append(Interrupted("the run was stopped", "run the same command again"))
        results.end(next(iter([*errors, *self._down.values()]), None))

    async def _work_through(
        self, numbered: Iterator[tuple[int, Item]], results: Ordered[Any], errors: list[Exception]
    ) -> None:
        async def work() -> None:
            try:
                while not (errors or self._stopping):
                    position, item = next(numbered, (-1, None))
                    if item is None or not await results.room_for(position):
                        return
                    results.put(position, await self._see_through(item))
            except Exception as error:  # noqa: BLE001 - raised by the reader, once all have ended
                errors.append(error)
                results.close()
                self._send_no_more()

        workers = {asyncio.create_task(work()) for _ in range(self._workers)}
        self._running |= workers
        await asyncio.gather(*workers, return_exceptions=True)
        self._running -= workers

    async def _end(self) -> None:
        self._stopping = True
        self._send_no_more()
        loop = asyncio.get_running_loop()
        until = loop.time() + _GRACE_S
        while self._storing or (self.in_flight and loop.time() < until and not self._hurried):
            await asyncio.sleep(0.02)
        running = list(self._running)
        for worker in running:
            worker.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await self._segments.close()
        self._transport.close()

    def _send_no_more(self) -> None:
        """Let those that wait for their turn go without: what they would buy might be lost."""
        for caller in self._callers.values():
            caller.stop(Interrupted("the run was stopped", "run the same command again"))

    def _hurry(self) -> None:
        self._hurried = True

    async def _see_through(self, item: Item) -> Any:
        if isinstance(item, Request):
            outcome = await self._answer_once(item)
            self.tally.add(outcome)
            return outcome
        while item.request is not None:
            outcome = await self._answer_once(item.request)
            self.tally.add(outcome)
            item.hear(outcome)
        return item.result

    async def _answer_once(self, request: Request) -> Outcome:
        """Answer a request; one that is asked twice at the same time is sent once."""
        twin = self._under_way.get(request.key)
        if twin is not None:
            return readdress(await twin, request)
        stored = self._recall.outcome(request)
        if stored is not None:
            return stored
        mine: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._under_way[request.key] = mine
        try:
            outcome = await self._call(request)
        except Exception as error:
            mine.set_exception(error)
            mine.exception()  # it is known of, also where there is no twin to see it
            raise
        else:
            mine.set_result(outcome)
            return outcome
        finally:
            mine.cancel()  # has no effect once the result is set
            del self._under_way[request.key]

    async def _call(self, request: Request) -> Outcome:
        if request.model in self._down:
            return Failure(request, "endpoint_down", self._down[request.model].problem)
        caller = self._callers[request.model]
        try:
            answer = await caller.call(request)
        except EndpointUnreachable as error:
            self._down[request.model] = error  # its calls under way fail one after another
            if len(self._callers) == len(self._down):
                raise
            return Failure(request, "endpoint_down", error.problem)
        if isinstance(answer, Failure):
            return answer
        # First read, then stored: what cannot be read back is of no use in the store.
        reply = parse_reply(request, caller.endpoint.prices, answer.content, cached=False)
        self._storing += 1
        try:
            await self._store.put(request.key, request.encoded, answer.body)
        finally:
            self._storing -= 1
        return reply
