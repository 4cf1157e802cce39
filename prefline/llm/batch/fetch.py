"""Batches run to their end: from requests to stored replies, however often it is interrupted."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterable, Iterator
from itertools import islice
from pathlib import Path

from prefline.config import Endpoint, EngineParams
from prefline.errors import EndpointUnreachable, RequestRefused
from prefline.llm.batch.api import BatchState, batch_api
from prefline.llm.batch.ledger import (
    BatchEntry,
    Ledger,
    OutputLine,
    parse_output_line,
    split_requests,
)
from prefline.llm.budget import Budget
from prefline.llm.conversation import CacheLookup, Conversation, Item, pending_request
from prefline.llm.outcome import CallStats, Usage, cost_usd, max_usage
from prefline.llm.parsing import Accepted, Answer, classify
from prefline.llm.replies import ReplyStore
from prefline.llm.request import Request
from prefline.llm.transport import hide_key, read_key
from prefline.llm.wire import Wire

_STORED_TOGETHER = 500
_SEGMENTS_AT_ONCE = 4

log = logging.getLogger(__name__)


class BatchFetcher:
    """Fill the reply store with what an endpoint's Batch API answers."""

    def __init__(
        self,
        endpoint: Endpoint,
        params: EngineParams,
        store: ReplyStore,
        budget: Budget,
        folder: Path,
    ) -> None:
        self.endpoint = endpoint
        self._params = params
        self._store = store
        self._budget = budget
        self._ledger = Ledger(folder)
        self._wire = Wire(endpoint)
        self._api = batch_api(endpoint, params)
        self._claimed: set[str] = set()
        self._states: dict[str, BatchState] = {}

    async def fetch(self, requests: Iterable[Request]) -> set[str]:
        """Get replies stored for those requests that have none, as far as batches bring them.

        Returns the keys that were bought now. Raises `EndpointError` if a batch as a whole was
        refused or cancelled, and `SpendLimitReached` before one that could pass the limit.
        """
        wanted = {
            request.key: request
            for request in map(self._wire.keyed, requests)
            if request.key not in self._claimed and request.key not in self._store
        }
        self._claimed |= wanted.keys()
        entries = [
            entry
            for entry in self._ledger.open_entries(self.endpoint)
            if not wanted.keys().isdisjoint(entry.keys)
        ]
        under_way = {key for entry in entries for key in entry.keys}
        rest = [request for key, request in wanted.items() if key not in under_way]
        parts = list(split_requests(rest, self.endpoint.batch, self._wire))
        # None is recorded before there is money for all: the next run sends what is recorded.
        highest_usd = [self._highest_usd(part) for part in parts]
        self._budget.reserve(*highest_usd)
        fresh = [self._ledger.prepare(self._wire, part) for part in parts]
        bought = await asyncio.gather(
            *(self._run(entry) for entry in entries),
            *(self._run(entry, usd) for entry, usd in zip(fresh, highest_usd, strict=True)),
        )
        self._claimed -= wanted.keys()
        return set().union(*bought)

    async def close(self) -> None:
        """Close the connections; batches under way go on at the provider's."""
        await self._api.close()

    def status(self) -> list[str]:
        """Return a few words on each batch under way."""
        return [
            f"batch {batch_id}: {state.status}, {state.done:,} of {state.total:,}"
            for batch_id, state in self._states.items()
        ]

    def _highest_usd(self, part: list[Request]) -> float:
        prices = self.endpoint.prices
        return sum(cost_usd(prices, max_usage(request), batch=True) for request in part)

    async def _run(self, entry: BatchEntry, reserved_usd: float = 0.0) -> set[str]:
        """Run a batch to its end, and its reservation with it, also after an error: live calls may
        be waiting for the money."""
        try:
            bought = await self._fetch_batch(entry)
        except BaseException:
            self._budget.settle_unanswered(reserved_usd)
            raise
        prices = self.endpoint.prices
        paid_usd = sum(cost_usd(prices, usage, batch=True) for usage in bought.values())
        self._budget.settle(reserved_usd, paid_usd)
        return set(bought)

    async def _fetch_batch(self, entry: BatchEntry) -> dict[str, Usage]:
        async with self._ledger.lock(entry):
            current = self._ledger.current(entry)
            if current is None:  # another process has collected it meanwhile
                return {}
            batch_id = current.batch_id or await self._send(current)
            state = await self._wait_for_end(batch_id)
            del self._states[batch_id]
            bought = await self._collect(current, state)
            self._ledger.remove(current)
        self._raise_if_refused(batch_id, state)
        return bought

    async def _send(self, entry: BatchEntry) -> str:
        lines = self._ledger.lines(entry)
        sent = await self._api.find(entry, lines.stat().st_mtime, self._ledger.known_ids())
        batch_id = sent or await self._api.send(lines, entry.identity)
        self._ledger.record_sent(entry, batch_id)
        return batch_id

    async def _wait_for_end(self, batch_id: str) -> BatchState:
        """Poll; a provider that cannot be reached for a while is waited for."""
        loop = asyncio.get_running_loop()
        last_answer = loop.time()
        while True:
            try:
                state = self._states[batch_id] = await self._api.state(batch_id)
                last_answer = loop.time()
                if state.ended:
                    return state
            except EndpointUnreachable:
                if loop.time() - last_answer > self._params.deadline_s:
                    raise
            await asyncio.sleep(self.endpoint.batch.poll_s)

    async def _collect(self, entry: BatchEntry, state: BatchState) -> dict[str, Usage]:
        """Store what a batch brought; what it did not is left to live calls."""
        bodies = await asyncio.to_thread(self._ledger.bodies, entry)
        bought: dict[str, Usage] = {}
        failed: Counter[str] = Counter()
        group: list[tuple[str, Accepted]] = []
        for file in state.files:
            async for text in self._api.lines(file):
                line = parse_output_line(text)
                answer = None if line is None or line.key not in bodies else self._answer(line)
                if isinstance(answer, Accepted) and line is not None:
                    if line.key not in bought:  # some providers write a line twice
                        group.append((line.key, answer))
                        bought[line.key] = answer.usage
                else:
                    failed[_failure_reason(line)] += 1
                if len(group) == _STORED_TOGETHER:
                    await self._store_all(group, bodies)
                    group = []
        await self._store_all(group, bodies)
        missing = len(bodies) - len(bought)
        if missing:
            message = "batch %s brought no reply to %d of %d requests (%s): asked again one by one"
            log.warning(message, entry.batch_id, missing, len(bodies), dict(failed))
        return bought

    def _answer(self, line: OutputLine) -> Answer | None:
        if not line.status:
            return None
        key = read_key(self.endpoint).encode() if self.endpoint.key_env else None
        return classify(self.endpoint, line.status, {}, hide_key(key, line.body))

    async def _store_all(self, group: list[tuple[str, Accepted]], bodies: dict[str, bytes]) -> None:
        await asyncio.gather(
            *(self._store.put(key, bodies[key], answer.body, batch=True) for key, answer in group)
        )

    def _raise_if_refused(self, batch_id: str, state: BatchState) -> None:
        if state.status == "failed":
            raise RequestRefused(
                f"{self.endpoint.base_url} refused the batch {batch_id}: {state.flaws}",
                "mend what it names (often `model`, which must be one that takes batches, or "
                "batch.max_requests and batch.max_bytes of the endpoint in params.yaml)",
                endpoint=self.endpoint.base_url,
            )
        if state.status == "cancelled":
            raise EndpointUnreachable(
                f"the batch {batch_id} at {self.endpoint.base_url} was cancelled",
                "run the same command again to send a new batch for what it did not bring",
                endpoint=self.endpoint.base_url,
            )


def _failure_reason(line: OutputLine | None) -> str:
    if line is None:
        return "unreadable line"
    return f"HTTP {line.status}" if line.status else line.body.decode("utf-8", "replace")[:80]


Numbered = Iterator[tuple[int, Item]]


class BatchSegments:
    """Split a stream of numbered items into segments, whose batches run ahead.

    A segment is handed on once the batches for those of its requests that go by batch have
    ended; at most four segments are in memory. A conversation goes on as far as there are
    replies for it; its next request goes into the segment's next batch.
    """

    def __init__(
        self, fetchers: Iterable[BatchFetcher], cache: CacheLookup, stats: CallStats
    ) -> None:
        self._cache, self._stats = cache, stats
        self._fetchers = {fetcher.endpoint.model: fetcher for fetcher in fetchers}
        limits = [fetcher.endpoint.batch.max_requests for fetcher in self._fetchers.values()]
        self._size = min(limits, default=0)
        self._under_way: set[asyncio.Task[set[str]]] = set()

    async def split(self, numbered: Numbered) -> AsyncIterator[Numbered]:
        """Yield the segments, in order. Raises what `BatchFetcher.fetch` does."""
        if not self._fetchers:
            yield numbered
            return
        waiting: deque[tuple[list[tuple[int, Item]], asyncio.Task[set[str]]]] = deque()
        while True:
            while len(waiting) < _SEGMENTS_AT_ONCE and (
                segment := list(islice(numbered, self._size))
            ):
                waiting.append((segment, self._start(segment)))
            if not waiting:
                return
            segment, fetching = waiting.popleft()
            await asyncio.wait([fetching])
            if fetching.cancelled():
                return
            bought = fetching.result()
            yield iter(segment)
            self._cache.bought -= bought

    async def close(self) -> None:
        """Stop waiting; the batches under way go on at the provider's."""
        for task in list(self._under_way):
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        for fetcher in self._fetchers.values():
            await fetcher.close()

    def status(self) -> list[str]:
        """Return a few words on each batch under way."""
        return [text for fetcher in self._fetchers.values() for text in fetcher.status()]

    def _start(self, segment: list[tuple[int, Item]]) -> asyncio.Task[set[str]]:
        self._under_way.add(task := asyncio.create_task(self._fetch([item for _, item in segment])))
        task.add_done_callback(self._under_way.discard)
        return task

    async def _fetch(self, items: list[Item]) -> set[str]:
        """Run batch after batch, until none lets a conversation among the items go on."""
        bought: set[str] = set()
        while items:
            requests = [request for item in items if (request := pending_request(item)) is not None]
            for model, fetcher in self._fetchers.items():
                fresh = await fetcher.fetch(
                    request for request in requests if request.model == model
                )
                bought |= fresh
                self._cache.bought |= fresh
            items = [item for item in items if self._goes_on(item)]
        return bought

    def _goes_on(self, item: Item) -> bool:
        return isinstance(item, Conversation) and self._cache.advance(item, self._stats)
