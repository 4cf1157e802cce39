"""Which texts share a band of their signatures with another: only these can be near duplicates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from prefline.filters.marks import Codes, Column, Mask, Places


def in_company(bands: Sequence[Column]) -> Places:
    """The places, rising, of texts that share a band with another, one band in memory at a time."""
    if not bands:
        return np.zeros(0, np.int64)
    first, *others = bands
    mask = _shared(first())
    for band in others:
        mask |= _shared(band())
    return np.flatnonzero(mask)


def _shared(codes: Codes) -> Mask:
    """Whether another place has the same code."""
    order = np.argsort(codes)
    ordered = codes[order]
    is_next = ordered[1:] == ordered[:-1]
    mask = np.zeros(len(codes), np.bool_)
    mask[order[1:][is_next]] = True
    mask[order[:-1][is_next]] = True
    return mask
