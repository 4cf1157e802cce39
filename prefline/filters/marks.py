"""What copies among texts are found by: a few numbers for each, made of it alone, so that shards of
texts can be marked anywhere and in any order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

from prefline.config import NearDuplicates
from prefline.filters.shingles import Signatures, rows_of_a_band, shingles, signatures
from prefline.filters.text import normal

Codes = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Column = Callable[[], Codes]

_BYTES = 8
_AT_ONCE = 20_000  # texts whose signatures are made together


@dataclass(frozen=True, slots=True)
class Marks:
    """The marks of `n` texts: `forms`, shape `(n,)`, is equal for texts of one normal form; each of
    `bands` gives a column of shape `(n,)` when it is asked for, which is equal where a band of two
    signatures is. No bands where near duplicates are not looked for."""

    forms: Codes
    bands: tuple[Column, ...] = ()

    def at(self, places: Places) -> Marks:
        """The marks of some of the texts."""
        return Marks(
            self.forms[places], tuple(partial(_taken, band, places) for band in self.bands)
        )


def marks_of(texts: Sequence[str], rule: NearDuplicates | None) -> Marks:
    """The marks of texts: of their normal form 8 bytes (two forms that differ have the same with
    chance 2^-64), and as many for each band of `rule`."""
    forms = np.fromiter((_form(text) for text in texts), np.uint64, len(texts))
    if rule is None:
        return Marks(forms)
    return Marks(forms, tuple(partial(_itself, band) for band in band_codes(texts, rule)))


def joined(parts: Sequence[Marks]) -> Marks:
    """The marks of all parts, one after the other; there is at least one part."""
    forms = np.concatenate([part.forms for part in parts])
    columns = zip(*(part.bands for part in parts), strict=True)
    return Marks(forms, tuple(partial(_concatenated, column) for column in columns))


def band_codes(texts: Sequence[str], rule: NearDuplicates) -> Codes:
    """What the signature of each text has in each band, as one number: shape `(bands, texts)`."""
    rows = rows_of_a_band(rule.threshold, rule.permutations)
    codes = np.empty((rule.permutations // rows, len(texts)), np.uint64)
    for start in range(0, len(texts), _AT_ONCE):
        some = texts[start : start + _AT_ONCE]
        sets = [shingles(text, rule.words) for text in some]
        codes[:, start : start + len(some)] = _folded(signatures(sets, rule.permutations), rows).T
    return codes


def _folded(made: Signatures, rows: int) -> Codes:
    """Each band of `rows` numbers as one; two bands that differ are the same with chance 2^-64."""
    bands = made.shape[1] // rows
    parts = made[:, : bands * rows].reshape(len(made), bands, rows).astype(np.uint64)
    codes = np.zeros(parts.shape[:2], np.uint64)
    for row in range(rows):
        codes = (codes ^ parts[:, :, row]) * np.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio
        codes ^= codes >> np.uint64(32)
    return codes


def _form(text: str) -> int:
    return int.from_bytes(blake2b(normal(text).encode(), digest_size=_BYTES).digest())


def _itself(column: Codes) -> Codes:
    return column


def _taken(band: Column, places: Places) -> Codes:
    return band()[places]


def _concatenated(columns: Iterable[Column]) -> Codes:
    return np.concatenate([column() for column in columns])
