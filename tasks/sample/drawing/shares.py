"""How many prompts of which source and category make a draw of the shares that were asked for."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from prefline.errors import InputError
from tasks.sample.drawing.tickets import Floats

Counts = npt.NDArray[np.int64]

_STEPS = 1_000
_CLOSE = 1e-9
_FAR = 1e-3  # a share that is missed by more is not to be had


def as_array(shares: Mapping[str, float], names: Sequence[str], what: str) -> Floats | None:
    """Shares in the order of `names`, shape `(len(names),)`; 0 for one without. None without any.

    Raises `InputError` for a share of what no prompt is.
    """
    for name in shares:
        if name not in names:
            near = difflib.get_close_matches(name, names, 1)
            raise InputError(
                f"sample.mix: no prompt that can be drawn is of the {what} {name!r}",
                (f"did you mean {near[0]!r}? " if near else "") + f"there are {', '.join(names)}",
            )
    return np.array([shares.get(name, 0.0) for name in names]) if shares else None


def cell_shares(there: Counts, by_source: Floats | None, by_category: Floats | None) -> Floats:
    """The share of each source (row) and category (column) in a draw, shape of `there`, which
    counts the prompts there are.

    With both kinds of shares, the table that is nearest to what is there and has their margins
    (iterative proportional fitting, Deming and Stephan 1940). Raises `InputError` if no table has.
    """
    table: Floats = there / max(1, there.sum())
    for _ in range(_STEPS):
        before = table
        table = _fitted(_fitted(table, by_source, 1), by_category, 0)
        if np.abs(table - before).max(initial=0.0) < _CLOSE:
            break
    for shares, axis in ((by_source, 1), (by_category, 0)):
        if shares is not None and np.abs(table.sum(axis) - shares).max() > _FAR:
            raise InputError(
                "sample.mix: no draw has the shares of both sources and categories: the prompts "
                "that would be needed are of a category that the source has not",
                "drop one kind of shares, or give shares that the sources can meet",
            )
    return table


def _fitted(table: Floats, shares: Floats | None, axis: int) -> Floats:
    """The table with its sums along `axis` made the shares, as far as there is anything."""
    if shares is None:
        return table
    sums = table.sum(axis, keepdims=True)
    wanted = np.expand_dims(shares, axis)
    factors = np.divide(wanted, sums, out=np.zeros_like(sums), where=sums > 0)
    return np.asarray(table * factors, np.float64)


def most_with(there: Counts, shares: Floats) -> int:
    """The largest draw that has the shares exactly, rounding aside."""
    asked = shares > 0
    return int(np.floor((there[asked] / shares[asked]).min() + _CLOSE)) if asked.any() else 0


def counts_of(shares: Floats, size: int) -> Counts:
    """Whole numbers that sum to `size` and are nearest to the shares of it: largest remainders."""
    exact = (shares * size).ravel()
    counts = np.floor(exact + _CLOSE).astype(np.int64)
    rest = np.argsort(-(exact - counts), kind="stable")[: max(0, size - int(counts.sum()))]
    counts[rest] += 1
    return counts.reshape(shares.shape)
