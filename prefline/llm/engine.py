"""The engine: a bounded pool of workers over an iterator of requests or conversations."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from prefline.config import Endpoint, EngineParams
from prefline.errors import EndpointUnreachable, Interrupted
from prefline.llm.batch import BatchFetcher, BatchSegments
from prefline.llm.budget import Budget, RunSpend, current_run_id
from prefline.llm.caller import Caller, LocalServers, max_calls_in_flight
from prefline.llm.completion import warn_once
from prefline.llm.conversation import CacheLookup, Conversation, Item
from prefline.llm.http_client import allow_connections
from prefline.llm.local import LocalModels
from prefline.llm.loop_thread import LoopThread, OrderedResults
from prefline.llm.outcome import (
    CallStats,
    Failure,
    Outcome,
    Steps,
    lost_calls_error,
    with_request,
)
from prefline.llm.parsing import reply_of
from prefline.llm.rate_limits import AcquireSlots
from prefline.llm.replies import Facts, ReplyStore
from prefline.llm.replies.claims import SHARE_EVERY_S
from prefline.llm.request import Request
from prefline.llm.transport import Transport
from prefline.project import Project

T = TypeVar("T")

_GRACE_S = 3.0  # for calls under way when the run is told to stop
_FIRST_LOOK_S, _LOOKS_EVERY_S = 0.02, 0.3  # for a reply that another process is buying
_SAY_AFTER_S = 10.0  # that another process is waited for
_LOOKED_UP = 64  # requests, at once
_LEAST_AHEAD = 2_000  # requests that may be under way or done before their turn


class Engine:
    """Answer requests from the reply store, or else from their model's endpoint.

    `local` starts local models, `acquire_slots` acquires from rate limits that processes share,
    `earlier_usd` is what the run's earlier stages have spent, and `batches` is the folder where
    batches are recorded (without it, endpoints in batch mode are called one by one).

    Use it as a context manager, and from one thread.
    """

    def __init__(
        self,
        endpoints: Iterable[Endpoint],
        params: EngineParams,
        store: ReplyStore,
        *,
        local: LocalServers | None = None,
        acquire_slots: AcquireSlots | None = None,
        earlier_usd: float = 0.0,
        batches: Path | None = None,
    ) -> None:
        endpoints = list(endpoints)
        self.budget = Budget(params.spend_limit_usd, earlier_usd)
        self.stats = CallStats()
        self._transport = Transport(params.timeout_s)
        self._callers = {
            endpoint.model: Caller(
                endpoint, params, self._transport, self.budget, local, acquire_slots
            )
            for endpoint in endpoints
        }
        fetchers = [
            BatchFetcher(endpoint, params, store, self.budget, batches)
            for endpoint in endpoints
            if endpoint.mode == "batch" and batches is not None
        ]
        self._cache = CacheLookup(store, endpoints)
        self._segments = BatchSegments(fetchers, self._cache, self.stats)
        self._max_in_flight = sum(
            max_calls_in_flight(endpoint, params, local) for endpoint in endpoints
        )
        # As many may wait for the disk as have calls under way. Without endpoints one is left,
        # for conversations that make no calls.
        self._workers = max(1, 2 * self._max_in_flight)
        self._store = store
        self._under_way: dict[str, asyncio.Future[Outcome]] = {}
        self._down: dict[str, EndpointUnreachable] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._storing = 0
        self._stopping = self._hurried = False

    def __enter__(self) -> Engine:
        allow_connections(self._max_in_flight)
        self._thread = LoopThread()
        self._thread.start(self._share_claims())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.stop()
        finally:
            self._thread.close()

    def stop(self) -> None:
        """End the calls under way, after a grace period: their replies are being paid for. An
        interrupt meanwhile ends the grace period; what has arrived is stored all the same."""
        if not self._stopping:
            self._thread.run_to_end(self._end(), self._hurry)

    @property
    def retries(self) -> dict[tuple[str, str], int]:
        """The number of tries that ended by a passing fault, by model and reason."""
        return {
            (model, reason): count
            for model, caller in self._callers.items()
            for reason, count in caller.retries.copy().items()
        }

    @property
    def in_flight(self) -> int:
        """Calls under way."""
        return sum(caller.in_flight for caller in self._callers.values())

    def batch_status(self) -> list[str]:
        """Return a few words on each batch under way."""
        return self._segments.status()

    def answer(self, requests: Iterable[Request]) -> Iterator[Outcome]:
        """Yield the outcomes of requests, in their order, as they come; constant memory.

        Calls begin when the iterator is first read, and go on while the reader does other
        things. Raises `EndpointError`, `SpendLimitReached` or `DiskFull` when no further call
        makes sense: calls under way are ended first, and every reply that arrived is stored.
        Where one of several models cannot be reached, the others' calls are made first.
        """
        return self._stream(requests)

    def converse(self, conversations: Iterable[Steps[T]]) -> Iterator[T]:
        """Yield what conversations return, in their order, as they come; constant memory.

        Each goes on as soon as its last call is answered, whatever the others wait for. Their
        code runs on the engine's thread: it should decide, not work. Raises what `answer` does,
        and what a conversation raises.
        """
        return self._stream(Conversation(steps) for steps in conversations)

    def _stream(self, items: Iterable[Item]) -> Iterator[Any]:
        ahead = max(_LEAST_AHEAD, 2 * self._workers)
        results: OrderedResults[Any] = OrderedResults(self._thread.loop, ahead)
        self._thread.start(self._run(items, results))
        try:
            yield from results
        finally:
            results.close()

    async def _run(self, items: Iterable[Item], results: OrderedResults[Any]) -> None:
        errors: list[Exception] = []
        numbered = enumerate(self._cache.look_ahead(items, min(_LOOKED_UP, self._workers)))
        try:
            async for segment in self._segments.split(numbered):
                await self._work_through(segment, results, errors)
                if errors or self._stopping:
                    break
        except Exception as error:  # noqa: BLE001 - raised by the reader
            errors.append(error)
        if self._stopping:
            errors.append(_stopped())
        results.end(next(iter([*errors, *self._down.values()]), None))

    async def _work_through(
        self,
        numbered: Iterator[tuple[int, Item]],
        results: OrderedResults[Any],
        errors: list[Exception],
    ) -> None:
        async def work() -> None:
            try:
                while not (errors or self._stopping):
                    position, item = next(numbered, (-1, None))
                    if item is None or not await results.wait_for_room(position):
                        return
                    results.put(position, await self._process(item))
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

    async def _share_claims(self) -> None:
        """Let other processes send what this one has not in flight, until the engine ends."""
        task = asyncio.current_task()
        assert task is not None
        self._running.add(task)
        while True:
            await asyncio.sleep(SHARE_EVERY_S)
            self._store.claims.share()

    def _send_no_more(self) -> None:
        """End calls that wait for their turn: what they would buy might be thrown away."""
        for caller in self._callers.values():
            caller.stop(_stopped())

    def _hurry(self) -> None:
        self._hurried = True

    async def _process(self, item: Item) -> Any:
        if isinstance(item, Request):
            outcome = await self._answer_once(item)
            self.stats.add(outcome)
            return outcome
        while item.request is not None:
            outcome = await self._answer_once(item.request)
            self.stats.add(outcome)
            item.send(outcome)
        return item.result

    async def _answer_once(self, request: Request) -> Outcome:
        """Answer a request; the same one asked twice at the same time is sent once."""
        if self._cache.variants:
            request = self._cache.keyed(request)
        under_way = self._under_way.get(request.key)
        if under_way is not None:
            return with_request(await under_way, request)
        stored = self._stored(request)
        if stored is not None:
            return stored
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._under_way[request.key] = future
        claims = self._store.claims
        was_alone = claims.alone  # so nobody can have stored the reply since it was looked up
        try:
            if not was_alone or not claims.take(request.key):
                stored = await self._claim(request)
            outcome = stored or await self._call(request)
        except Exception as error:
            future.set_exception(error)
            future.exception()  # marked as seen, also where nobody else waits for it
            raise
        else:
            future.set_result(outcome)
            return outcome
        finally:
            future.cancel()  # has no effect once the result is set
            del self._under_way[request.key]
            claims.free(request.key)

    def _stored(self, request: Request) -> Outcome | None:
        stored = self._cache.outcome(request)
        if stored is not None and (caller := self._callers.get(request.model)) is not None:
            caller.takes_form = True
        return stored

    async def _claim(self, request: Request) -> Outcome | None:
        """Claim a request beside other processes; return the reply if one of them has stored it.

        One that is calling the model is waited for: where it ends or gives up without a reply, this
        one calls.
        """
        waited_s, wait_s = 0.0, _FIRST_LOOK_S
        while not self._store.claims.take(request.key):
            self._callers[request.model].raise_if_stopped()
            await asyncio.sleep(wait_s)
            if (stored := self._stored(request)) is not None:
                return stored
            waited_s += wait_s
            wait_s = min(2 * wait_s, _LOOKS_EVERY_S)
            if waited_s > _SAY_AFTER_S:
                warn_once("another process is buying replies that are needed here: waits for them")
        return self._stored(request)

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
        reply = reply_of(request, caller.endpoint.prices, answer, cached=False)
        kind = "chat" if "messages" in request.body else "embedding"
        facts = Facts(request.model, kind, answer.usage)
        self._storing += 1
        try:
            await self._store.put(
                request.key, caller.wire.encode(request), answer.body, facts=facts
            )
        finally:
            self._storing -= 1
        return reply


def _stopped() -> Interrupted:
    return Interrupted("the run was stopped", "run the same command again")


@contextmanager
def open_engine(
    project: Project,
    endpoints: Iterable[Endpoint],
    params: EngineParams,
    *,
    local_slots: int = 16,
    acquire_slots: AcquireSlots | None = None,
) -> Iterator[Engine]:
    """Open an engine over the project's reply store and local models.

    Endpoints named twice are opened once. Local models start only if they are called, and answer
    `local_slots` calls at once. What was spent is added to the run's account at the end, also
    after an error.

    Raises `CallsLost` at the end if calls failed for a reason outside their records: such a stage
    is not done, and would not be taken up again if it ended well.
    """
    by_model = {endpoint.model: endpoint for endpoint in endpoints}
    spend = RunSpend(project.spend, current_run_id())
    with (
        ReplyStore(project.replies) as store,
        LocalModels(project.root, project.local_log, local_slots) as local,
    ):
        engine = Engine(
            by_model.values(),
            params,
            store,
            local=local,
            acquire_slots=acquire_slots,
            earlier_usd=spend.total_usd(),
            batches=project.batches,
        )
        try:
            with engine:
                yield engine
            error = lost_calls_error(engine.stats)
            if error is not None:
                raise error
        finally:
            spend.add(engine.budget.committed_usd)
