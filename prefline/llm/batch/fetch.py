"""Seeing batches through: from requests to stored replies, however often it is interrupted."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from prefline.config import Endpoint, EngineParams
from prefline.errors import EndpointUnreachable, RequestRefused
from prefline.llm.answers import Accepted, Answer, classify
from prefline.llm.batch.api import BatchApi, BatchState
from prefline.llm.batch.ledger import Entry, Ledger
from prefline.llm.batch.lines import Line, parts, read_line
from prefline.llm.limits.budget import Budget
from prefline.llm.replies import ReplyStore
from prefline.llm.request import Request
from prefline.llm.transport import key_of, without_key
from prefline.llm.usage import Usage, cost_usd, most_tokens

_STORED_TOGETHER = 500

log = logging.getLogger(__name__)


class BatchFetcher:
    """Fills the reply store with what an endpoint's Batch API answers."""

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
        self._api = BatchApi(endpoint, params)
        self._claimed: set[str] = set()
        self._states: dict[str, BatchState] = {}

    async def fetch(self, requests: Iterable[Request]) -> set[str]:
        """Have replies stored for those requests that have none, as far as batches bring them.

        Returns the keys that were bought now. Raises `EndpointError` if a batch as a whole was
        refused or cancelled, and `SpendLimitReached` before one that could pass the limit.
        """
        wanted = {
            request.key: request
            for request in requests
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
        cut = list(parts(rest, self.endpoint.batch))
        # None is noted before there is money for all: the next run sends what it finds noted.
        highest = [self._highest_usd(part) for part in cut]
        self._budget.reserve(*highest)
        fresh = [self._ledger.prepare(self.endpoint, part) for part in cut]
        bought = await asyncio.gather(
            *(self._see_through(entry) for entry in entries),
            *(self._see_through(*one) for one in zip(fresh, highest, strict=True)),
        )
        self._claimed -= wanted.keys()
        return set().union(*bought)

    async def close(self) -> None:
        """Close the connections; batches under way go on at the provider's."""
        await self._api.close()

    def progress(self) -> list[str]:
        """A few words on each batch under way."""
        return [
            f"batch {batch_id}: {state.status}, {state.done:,} of {state.total:,}"
            for batch_id, state in self._states.items()
        ]

    def _highest_usd(self, part: list[Request]) -> float:
        prices = self.endpoint.prices
        return sum(cost_usd(prices, most_tokens(request), batch=True) for request in part)

    async def _see_through(self, entry: Entry, reserved_usd: float = 0.0) -> set[str]:
        """See a batch through; what was reserved for it ends with it, however that comes: live
        calls may be waiting for the money."""
        try:
            bought = await self._fetch_one(entry)
        except BaseException:
            self._budget.doubt(reserved_usd)
            raise
        prices = self.endpoint.prices
        paid = sum(cost_usd(prices, usage, batch=True) for usage in bought.values())
        self._budget.settle(reserved_usd, paid)
        return set(bought)

    async def _fetch_one(self, entry: Entry) -> dict[str, Usage]:
        async with self._ledger.lock(entry):
            current = self._ledger.current(entry)
            if current is None:  # another process has collected it meanwhile
                return {}
            batch_id = current.batch_id or await self._send(current)
            state = await self._await_end(batch_id)
            del self._states[batch_id]
            bought = await self._collect(current, state)
            self._ledger.close(current)
        self._raise_if_refused(batch_id, state)
        return bought

    async def _send(self, entry: Entry) -> str:
        found = await self._api.find(entry.identity)
        batch_id = found or await self._api.send(self._ledger.lines(entry), entry.identity)
        self._ledger.sent(entry, batch_id)
        return batch_id

    async def _await_end(self, batch_id: str) -> BatchState:
        """Look every now and then; a provider that cannot be reached for a while is waited for."""
        loop = asyncio.get_running_loop()
        heard = loop.time()
        while True:
            try:
                state = self._states[batch_id] = await self._api.state(batch_id)
                heard = loop.time()
                if state.ended:
                    return state
            except EndpointUnreachable:
                if loop.time() - heard > self._params.deadline_s:
                    raise
            await asyncio.sleep(self.endpoint.batch.poll_s)

    async def _collect(self, entry: Entry, state: BatchState) -> dict[str, Usage]:
        """Store what a batch brought; what it did not is left to the ordinary path."""
        bodies = await asyncio.to_thread(self._ledger.bodies, entry)
        bought: dict[str, Usage] = {}
        failed: Counter[str] = Counter()
        group: list[tuple[str, Accepted]] = []
        for file in state.files:
            async for text in self._api.lines(file):
                line = read_line(text)
                answer = None if line is None or line.key not in bodies else self._answer(line)
                if isinstance(answer, Accepted) and line is not None:
                    if line.key not in bought:  # some providers write a line twice
                        group.append((line.key, answer))
                        bought[line.key] = answer.usage
                else:
                    failed[_why(line)] += 1
                if len(group) == _STORED_TOGETHER:
                    await self._store_all(group, bodies)
                    group = []
        await self._store_all(group, bodies)
        missing = len(bodies) - len(bought)
        if missing:
            brought = "batch %s brought no reply to %d of %d requests (%s): asked again one by one"
            log.warning(brought, entry.batch_id, missing, len(bodies), dict(failed))
        return bought

    def _answer(self, line: Line) -> Answer | None:
        if not line.status:
            return None
        key = key_of(self.endpoint).encode() if self.endpoint.key_env else None
        return classify(self.endpoint, line.status, {}, without_key(key, line.body))

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


def _why(line: Line | None) -> str:
    if line is None:
        return "unreadable line"
    return f"HTTP {line.status}" if line.status else line.body.decode("utf-8", "replace")[:80]
