"""Batch mode for a stream of requests: it is cut into segments, whose batches run ahead."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable, Iterator
from itertools import islice

from prefline.engine.batch.fetch import BatchFetcher
from prefline.engine.request import Request

Numbered = Iterator[tuple[int, Request]]
_AT_ONCE = 4  # segments whose batches are under way


class Segments:
    """Hands a stream of numbered requests on, a segment at a time, once the batches for those
    of its requests that go by batch have ended; at most four segments are in memory."""

    def __init__(self, fetchers: Iterable[BatchFetcher]) -> None:
        self._fetchers = {one.endpoint.model: one for one in fetchers}
        limits = [one.endpoint.batch.max_requests for one in self._fetchers.values()]
        self._size = min(limits, default=0)
        self._under_way: set[asyncio.Task[None]] = set()
        self.bought: set[str] = set()

    async def of(self, numbered: Numbered) -> AsyncIterator[Numbered]:
        """The segments, in order. Raises what `BatchFetcher.fetch` does."""
        if not self._fetchers:
            yield numbered
            return
        waiting: deque[tuple[list[tuple[int, Request]], asyncio.Task[None]]] = deque()
        while True:
            while len(waiting) < _AT_ONCE and (segment := list(islice(numbered, self._size))):
                waiting.append((segment, self._start(segment)))
            if not waiting:
                return
            segment, fetching = waiting.popleft()
            await asyncio.wait([fetching])
            if fetching.cancelled():
                return
            fetching.result()
            yield iter(segment)
            self.bought.difference_update(request.key for _, request in segment)

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

    def _start(self, segment: list[tuple[int, Request]]) -> asyncio.Task[None]:
        self._under_way.add(
            task := asyncio.create_task(self._fetch([request for _, request in segment]))
        )
        task.add_done_callback(self._under_way.discard)
        return task

    async def _fetch(self, requests: list[Request]) -> None:
        for model, fetcher in self._fetchers.items():
            mine = [request for request in requests if request.model == model]
            self.bought |= await fetcher.fetch(mine)
