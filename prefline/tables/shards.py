"""Cutting a stream into shards, each the work of one Prefect task."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import TypeVar

T = TypeVar("T")


def shards(items: Iterable[T], size: int) -> Iterator[Iterator[T]]:
    """Consecutive shards of at most `size` items, none empty.

    Each is an iterator over the stream itself, so a shard must be read to its end before the
    next one is asked for; only its first item is read ahead.
    """
    stream = iter(items)
    for first in stream:
        yield chain((first,), islice(stream, size - 1))
