"""Cutting a stream into shards: one Prefect task each, never one per call."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def shards(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Consecutive shards of at most `size` items; nothing is read ahead of its shard."""
    stream = iter(items)
    while shard := list(islice(stream, size)):
        yield shard
