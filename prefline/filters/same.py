"""Texts that differ in nothing but letter case, white space and the like."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from hashlib import blake2b

import numpy as np

from prefline.filters.text import normal

Texts = Callable[[], Iterable[tuple[str, str]]]
"""Gives texts with their ids, in the same order whenever it is called."""

_BYTES = 8


def same(texts: Texts, standing: int = 0) -> dict[str, str]:
    """Each id that goes, and that of the first text with the same normal form; the first
    `standing` texts stay. 8 bytes of memory a text: two that differ are taken for the same with
    chance n^2 / 2^65, of ten million 3 in a million."""
    codes = np.fromiter((_code(text) for _, text in texts()), np.uint64)
    _, firsts, which = np.unique(codes, return_index=True, return_inverse=True)
    before = firsts[which]
    places = np.flatnonzero(before != np.arange(len(codes)))
    places = places[places >= standing]
    wanted = {*places.tolist(), *before[places].tolist()}
    names = {place: name for place, (name, _) in enumerate(texts()) if place in wanted}
    return {names[place]: names[int(before[place])] for place in places.tolist()}


def _code(text: str) -> int:
    return int.from_bytes(blake2b(normal(text).encode(), digest_size=_BYTES).digest())
