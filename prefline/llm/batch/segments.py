"""Batch mode for a stream of items: it is cut into segments, whose batches run ahead."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable, Iterator
from itertools import islice

from prefline.llm.batch.fetch import BatchFetcher
from prefline.llm.dialogue import Dialogue, Item, awaited
from prefline.llm.recall import Recall
from prefline.llm.tally import Tally

Numbered = Iterator[tuple[int, Item]]
_AT_ONCE = 4  # segments whose batches are under way


class Segments:
    """Hands a stream of numbered items on, a segment at a time, once the batches for those of
    its requests that go by batch have ended; at most four segments are in memory.

    A dialogue goes on as far as there are replies for it; what it asks for next goes into the
    segment's next batch.
    """

    def __init__(self, fetchers: Iterable[BatchFetcher], recall: Recall, tally: Tally) -> None:
        self._recall, self._tally = recall, tally
        self._fetchers = {one.endpoint.model: one for one in fetchers}
        limits = [one.endpoint.batch.max_requests for one in self._fetchers.values()]
        self._size = min(limits, default=0)
        self._under_way: set[asyncio.Task[set[str]]] = set()

    async def of(self, numbered: Numbered) -> AsyncIterator[Numbered]:
        """The segments, in order. Raises what `BatchFetcher.fetch` does."""
        if not self._fetchers:
            yield numbered
            return
        waiting: deque[tuple[list[tuple[int, Item]], asyncio.Task[set[str]]]] = deque()
        while True:
            while len(waiting) < _AT_ONCE and (segment := list(islice(numbered, self._size))):
                waiting.append((segment, self._start(segment)))
            if not waiting:
                return
            segment, fetching = waiting.popleft()
            await asyncio.wait([fetching])
            if fetching.cancelled():
                return
            bought = fetching.result()
            yield iter(segment)
            self._recall.bought -= bought

    async def close(self) -> None:
        """Leave the batches under way to go on at the provider's."""
        for task in list(self._under_way):
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        for fetcher in self._fetchers.values():
            await fetcher.close()

    def progress(self) -> list[str]:
        """A few words on each batch under way."""
        return [words for one in self._fetchers.values() for words in one.progress()]

    def _start(self, segment: list[tuple[int, Item]]) -> asyncio.Task[set[str]]:
        self._under_way.add(task := asyncio.create_task(self._fetch([item for _, item in segment])))
        task.add_done_callback(self._under_way.discard)
        return task

    async def _fetch(self, items: list[Item]) -> set[str]:
        """Batch after batch, until no dialogue among the items is the further for it."""
        bought: set[str] = set()
        while items:
            requests = [request for item in items if (request := awaited(item)) is not None]
            for model, fetcher in self._fetchers.items():
                fresh = await fetcher.fetch(one for one in requests if one.model == model)
                bought |= fresh
                self._recall.bought |= fresh
            items = [one for one in items if self._goes_on(one)]
        return bought

    def _goes_on(self, item: Item) -> bool:
        return isinstance(item, Dialogue) and self._recall.lead(item, self._tally)
