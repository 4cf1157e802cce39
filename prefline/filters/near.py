"""Near duplicates: texts that share most of their word sequences.

MinHash and locality-sensitive hashing only find candidates; whether two are near duplicates is then
decided by the Jaccard index of their shingles itself. Texts are gone through in the order in which
they are given, by their ids, and one goes if a near duplicate of it was kept before it. So what
stays depends on the texts alone, never on how they were read or cut into shards, and what stays
holds no near duplicates: doing it again changes nothing. In a chain, where a is near b and
b near c, c stays unless it is near a too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby, islice
from operator import itemgetter

import numpy as np
import numpy.typing as npt

from prefline.filters.same import Texts
from prefline.filters.shingles import Signatures, jaccard, rows_of_a_band, shingles, signatures
from prefline.params import NearDuplicates

Codes = npt.NDArray[np.uint64]
_AT_ONCE = 20_000  # texts whose signatures are made together


def near_duplicates(texts: Texts, rule: NearDuplicates, standing: int = 0) -> dict[str, str]:
    """Each id that goes, and the one kept before it that it is nearest to, of texts in their order;
    the first `standing` texts stay.

    Of pairs exactly at the threshold 99 % are found, of nearer ones more. Texts are gone through
    twice; 8 bytes of memory for each band (21 at the defaults) of a text.
    """
    company = _in_company(_band_codes(texts, rule))
    following = next(company, None)
    kept_in: dict[tuple[int, int], list[int]] = {}
    held: dict[int, tuple[str, frozenset[str]]] = {}
    gone: dict[str, str] = {}
    for place, (name, text) in enumerate(texts()):
        if following is None or place != following[0]:
            continue
        buckets, mine = following[1], shingles(text, rule.words)
        following = next(company, None)
        before = {one for bucket in buckets for one in kept_in.get(bucket, ())}
        # The earlier of two that are as near.
        found = max(((jaccard(held[one][1], mine), -one) for one in before), default=(0.0, 0))
        if found[0] >= rule.threshold and place >= standing:
            gone[name] = held[-found[1]][0]
            continue
        held[place] = name, mine
        for bucket in buckets:
            kept_in.setdefault(bucket, []).append(place)
    return gone


def _band_codes(texts: Texts, rule: NearDuplicates) -> Codes:
    """What each text's signature has in each band, as one number, shape `(texts, bands)`."""
    rows = rows_of_a_band(rule.threshold, rule.permutations)
    found = [np.zeros((0, rule.permutations // rows), np.uint64)]
    for some in batched(texts(), _AT_ONCE):
        sets = [shingles(text, rule.words) for _, text in some]
        found.append(_folded(signatures(sets, rule.permutations), rows))
    return np.concatenate(found)


def batched(texts: Iterable[tuple[str, str]], size: int) -> Iterator[list[tuple[str, str]]]:
    """The texts in lists of that many."""
    left = iter(texts)
    while some := list(islice(left, size)):
        yield some


def _folded(made: Signatures, rows: int) -> Codes:
    """Each band of `rows` numbers as one; two bands that differ are the same with chance 2^-64."""
    bands = made.shape[1] // rows
    parts = made[:, : bands * rows].reshape(len(made), bands, rows).astype(np.uint64)
    codes = np.zeros(parts.shape[:2], np.uint64)
    for row in range(rows):
        codes = (codes ^ parts[:, :, row]) * np.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio
        codes ^= codes >> np.uint64(32)
    return codes


def _in_company(codes: Codes) -> Iterator[tuple[int, list[tuple[int, int]]]]:
    """The places that share a band with another, in their order, each with the buckets (band,
    code) that it shares: most texts share none, and cost nothing more."""
    places, bands = list[npt.NDArray[np.int64]](), list[npt.NDArray[np.int64]]()
    for band in range(codes.shape[1]):
        _, which, counts = np.unique(codes[:, band], return_inverse=True, return_counts=True)
        shared = np.flatnonzero(counts[which] > 1)
        places.append(shared)
        bands.append(np.full(len(shared), band))
    at_place = np.concatenate([np.zeros(0, np.int64), *places])
    in_band = np.concatenate([np.zeros(0, np.int64), *bands])
    order = np.argsort(at_place, kind="stable")
    pairs = zip(at_place[order].tolist(), in_band[order].tolist(), strict=True)
    for at, mine in groupby(pairs, key=itemgetter(0)):
        yield at, [(band, int(codes[at, band])) for _, band in mine]
