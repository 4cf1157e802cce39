"""Cutting a stream into shards, each the work of one Prefect task."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain, islice
from typing import Any, Protocol, TypeVar

from prefline.lazy import defer_pandas

T = TypeVar("T")


S = TypeVar("S")
R = TypeVar("R")
_WORTH_IT = 2  # shards
_ACROSS: dict[str, Any] = {}  # what a process was sent for: sent once, not with every shard


def shards(items: Iterable[T], size: int) -> Iterator[Iterator[T]]:
    """Yield consecutive shards of at most `size` items, none empty.

    Each is an iterator over the stream itself, so a shard must be read to its end before the
    next one is asked for; only its first item is read ahead.
    """
    stream = iter(items)
    for first in stream:
        yield chain((first,), islice(stream, size - 1))


class Spread(Protocol):
    """Does `work` on each shard and gives what came of them in their order.

    `work`, shards and results must be fit to be sent (pickled), and `work` a function of the shard
    alone. What `work` raises is raised when its shard's turn comes.
    """

    def __call__(self, work: Callable[[S], R], shards: Iterable[S]) -> Iterator[R]:
        """Return what came of each shard."""
        ...


def here(work: Callable[[S], R], shards: Iterable[S]) -> Iterator[R]:
    """In this process, one shard after the other."""
    return map(work, shards)


def on_processes(count: int) -> Spread:
    """On `count` processes of this machine; a single shard is not worth their start, and is worked
    on here."""

    def spread(work: Callable[[S], R], shards: Iterable[S]) -> Iterator[R]:
        # Imported here: most runs have one shard. Its processes do not import the program's main
        # module, which for a stage is all of Prefect.
        from loky import ProcessPoolExecutor

        stream = iter(shards)
        first = list(islice(stream, _WORTH_IT))
        if count == 1 or len(first) < _WORTH_IT:
            yield from here(work, chain(first, stream))
            return
        with ProcessPoolExecutor(count, initializer=_begin, initargs=(work,)) as pool:
            submit = partial(pool.submit, _do)
            for future in in_order(submit, chain(first, stream), 2 * count):
                yield future.result()

    return spread


def in_order(submit: Callable[[S], R], shards: Iterable[S], most: int) -> Iterator[R]:
    """Yield what `submit` gives for each shard, in their order; at most that many have been
    submitted and not yet taken."""
    waiting = deque[R]()
    for shard in shards:
        waiting.append(submit(shard))
        if len(waiting) >= most:
            yield waiting.popleft()
    yield from waiting


def _begin(work: Callable[[Any], Any]) -> None:
    defer_pandas()
    _ACROSS["work"] = work


def _do(shard: Any) -> Any:
    return _ACROSS["work"](shard)
