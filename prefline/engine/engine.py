"""The engine: a bounded pool of workers over an iterator of requests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import replace
from types import TracebackType

from prefline.engine.answers import parse_reply
from prefline.engine.budget import Budget
from prefline.engine.caller import Caller, LocalServer, most_in_flight
from prefline.engine.request import Failure, Outcome, Request
from prefline.engine.store import ReplyStore
from prefline.engine.transport import Transport
from prefline.params import Endpoint, EngineParams

_OUTCOMES_AHEAD = 1_000
_GRACE_S = 3.0  # for calls under way when the run is told to stop


class Engine:
    """Answers requests from the reply store, or else from their model's endpoint.

    `endpoints` gives each model its endpoint. One engine serves one thread; use it as a
    context manager.
    """

    def __init__(
        self,
        endpoints: Iterable[Endpoint],
        params: EngineParams,
        store: ReplyStore,
        local: LocalServer | None = None,
    ) -> None:
        endpoints = list(endpoints)
        self._workers = sum(most_in_flight(endpoint, params, local) for endpoint in endpoints)
        self._transport = Transport(params.timeout_s, connections=max(1, self._workers))
        self._callers = {e.model: Caller(e, params, self._transport, local) for e in endpoints}
        self._store = store
        self._runner = asyncio.Runner()
        self._under_way: dict[str, asyncio.Future[Outcome]] = {}
        self.budget = Budget(params.spend_limit_usd)

    def __enter__(self) -> Engine:
        self._runner.__enter__()
        self._runner.run(self._transport.__aenter__())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._runner.run(self._transport.__aexit__(kind, error, trace))
        self._runner.__exit__(kind, error, trace)

    def run(
        self,
        requests: Iterable[Request],
        on_outcome: Callable[[Outcome], None] = lambda _: None,
    ) -> list[Outcome]:
        """All outcomes of a shard, in the order of its requests.

        `on_outcome` sees each one as it comes. Raises `EndpointError`, `SpendLimitReached`
        or `DiskFull` when no further call makes sense: calls under way are ended first,
        and every reply that arrived is stored.
        """

        async def collect() -> list[Outcome]:
            found: list[tuple[int, Outcome]] = []
            async for position, outcome in self.stream(requests):
                on_outcome(outcome)
                found.append((position, outcome))
            return [outcome for _, outcome in sorted(found, key=lambda item: item[0])]

        return self._runner.run(collect())

    async def stream(self, requests: Iterable[Request]) -> AsyncIterator[tuple[int, Outcome]]:
        """Outcomes as they come, each with its request's position; constant memory."""
        numbered = enumerate(requests)
        outcomes: asyncio.Queue[tuple[int, Outcome] | None] = asyncio.Queue(_OUTCOMES_AHEAD)
        errors: list[Exception] = []

        async def work() -> None:
            for position, request in numbered:
                if errors:
                    return
                try:
                    outcome = await self._answer_once(request)
                except Exception as error:  # noqa: BLE001 - raised below, once all have ended
                    errors.append(error)
                    return
                await outcomes.put((position, outcome))

        workers = [asyncio.create_task(work()) for _ in range(self._workers)]
        closing = asyncio.create_task(_close_after(workers, outcomes))
        try:
            while (item := await outcomes.get()) is not None:
                yield item
        finally:
            await _end(workers, closing)
        if errors:
            raise errors[0]

    async def _answer_once(self, request: Request) -> Outcome:
        """Answer a request; one that is asked twice at the same time is sent once."""
        twin = self._under_way.get(request.key)
        if twin is not None:
            return _readdress(await twin, request)
        mine: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._under_way[request.key] = mine
        try:
            outcome = await self._answer(request)
            mine.set_result(outcome)
            return outcome
        finally:
            mine.cancel()  # has no effect once the result is set
            del self._under_way[request.key]

    async def _answer(self, request: Request) -> Outcome:
        caller = self._callers[request.model]
        prices = caller.endpoint.prices
        stored = self._store.get(request.key)
        if stored is not None:
            return parse_reply(request, prices, stored, cached=True)
        reserved, cost = self.budget.reserve(request, prices), 0.0
        try:
            answer = await caller.call(request)
            if isinstance(answer, Failure):
                return answer
            reply = parse_reply(request, prices, answer, cached=False)
            cost = reply.cost_usd
            await self._store.put(request.key, request.encoded, answer)
            return reply
        finally:
            self.budget.settle(reserved, cost)


async def _close_after(
    workers: list[asyncio.Task[None]], outcomes: asyncio.Queue[tuple[int, Outcome] | None]
) -> None:
    await asyncio.gather(*workers, return_exceptions=True)
    await outcomes.put(None)


async def _end(workers: list[asyncio.Task[None]], closing: asyncio.Task[None]) -> None:
    """Where the consumer left early (an interrupt), let calls under way end for a moment:
    their replies are being paid for."""
    if not closing.done():
        await asyncio.wait(workers, timeout=_GRACE_S)
        for worker in workers:
            worker.cancel()
        closing.cancel()


def _readdress(outcome: Outcome, request: Request) -> Outcome:
    """The same outcome for the twin of a request, which may carry another tag."""
    if isinstance(outcome, Failure):
        return replace(outcome, request=request)
    return replace(outcome, request=request, cached=True)
