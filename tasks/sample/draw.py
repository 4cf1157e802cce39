"""Draws from the sampling pool: how many prompts of which source and category, which ones, and
rounds of draws that do not repeat each other."""

from __future__ import annotations

import difflib
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from prefline.config import SampleParams
from prefline.errors import InputError
from prefline.tables import DRAWN, iter_batches
from prefline.tables.parts import ROWS_PER_GROUP
from tasks.sample.pool import Codes, Floats, Ids, Mask, Positions, SamplingPool, id_of, number_of

Counts = npt.NDArray[np.int64]
Ledger = Mapping[int, Ids]
"""The ids that each round drew, as it was noted when it did."""

_MAX_STEPS = 1_000
_CONVERGED = 1e-9
_UNREACHABLE = 1e-3  # a share that is missed by more cannot be had


@dataclass(frozen=True, slots=True)
class Shortfall:
    """A part of the mix of which there were fewer prompts than its share."""

    source: str | None
    category: str | None
    asked: int
    there: int


@dataclass(frozen=True, slots=True)
class Draw:
    """The positions in the pool that were drawn, rising, and what there was too little of."""

    positions: Positions
    shortfalls: tuple[Shortfall, ...] = ()


def draw(pool: SamplingPool, left: Mask, params: SampleParams, size: int | None) -> Draw:
    """Draw `size` prompts (all that the shares allow, if None) of those that are `left`.

    Raises `InputError` for shares that cannot be had.
    """
    positions = _cap_categories(pool, np.flatnonzero(left), params)
    columns = pool.columns
    by_source = share_array(params.source_shares, columns.sources, "source")
    by_category = share_array(params.mix.categories, columns.categories, "category")
    if by_source is None and by_category is None:
        count = len(positions) if size is None else size
        return Draw(np.sort(_first(pool, positions, count)))
    # What has no share is one cell, so that its mix is left to chance.
    no_codes = np.zeros(len(columns), np.int32)
    row = columns.source if by_source is not None else no_codes
    column = columns.category if by_category is not None else no_codes
    there = np.zeros((row.max(initial=0) + 1, column.max(initial=0) + 1), np.int64)
    np.add.at(there, (row[positions], column[positions]), 1)
    shares = fit_shares(there, by_source, by_category)
    asked = round_counts(shares, largest_draw(there, shares) if size is None else size)
    drawn = [
        _first(pool, positions[(row[positions] == r) & (column[positions] == c)], int(asked[r, c]))
        for r, c in np.argwhere(asked > 0)
    ]
    shortfalls = tuple(
        Shortfall(
            columns.sources[r] if by_source is not None else None,
            columns.categories[c] if by_category is not None else None,
            int(asked[r, c]),
            int(there[r, c]),
        )
        for r, c in np.argwhere(asked > there)
    )
    return Draw(np.sort(np.concatenate([*drawn, np.zeros(0, np.int64)])), shortfalls)


def draw_round(pool: SamplingPool, params: SampleParams, ledger: Ledger) -> Draw:
    """Draw the round of params: nothing that a round before it has drawn.

    The ledger says what those drew. For one that it does not have, what that round would draw
    today takes its place, so that a round is the same on a machine that has not seen the others.
    With `reuse` a round that finds too few prompts begins anew, with what was not drawn first.
    Without a size every round has all prompts.

    Raises `InputError` if nothing is left, and for shares that cannot be had.
    """
    left = np.ones(len(pool.columns), np.bool_)
    if params.size is None:
        return draw(pool, left, params, None)
    for number in range(params.round):
        if number in ledger:
            drawn = np.isin(pool.columns.ids, ledger[number])
        else:
            drawn = np.zeros(len(pool.columns), np.bool_)
            drawn[_draw_one_round(pool, left, params, params.size).positions] = True
        again = drawn & ~left  # the round had begun anew
        left = ~again if params.reuse and again.any() else left & ~drawn
    if params.round and not left.any() and not params.reuse:
        raise InputError(
            f"sample.round is {params.round}, and the rounds before it have drawn all "
            f"{len(pool.columns):,} prompts",
            "add sources, draw fewer with sample.size, or set sample.reuse to begin anew",
        )
    return _draw_one_round(pool, left, params, params.size)


def _draw_one_round(pool: SamplingPool, left: Mask, params: SampleParams, size: int) -> Draw:
    fresh = draw(pool, left, params, size) if left.any() else Draw(np.zeros(0, np.int64))
    missing = size - len(fresh.positions)
    if not params.reuse or missing == 0 or left.all():
        return fresh
    reused = draw(pool, ~left, params, missing)
    return Draw(np.union1d(fresh.positions, reused.positions), fresh.shortfalls)


def _cap_categories(pool: SamplingPool, positions: Positions, params: SampleParams) -> Positions:
    """Return the positions without those beyond the most of their category."""
    kept = np.ones(len(positions), np.bool_)
    for name, most in params.mix.at_most.items():
        if name in pool.columns.categories:
            code = pool.columns.categories.index(name)
            inside = positions[pool.columns.category[positions] == code]
            first = _first(pool, inside, most)
            kept &= ~np.isin(positions, inside) | np.isin(positions, first)
    return positions[kept]


def _first(pool: SamplingPool, positions: Positions, count: int) -> Positions:
    """Return the `count` positions that are drawn first: one of each cluster, then another of each,
    and so on; among them the lowest keys, and for equal keys the lowest ids."""
    keys, ids = pool.key[positions], pool.columns.ids[positions]
    order = np.lexsort((ids, keys))
    if pool.cluster is not None:
        turns = _turns(pool.cluster[positions][order])
        order = order[np.argsort(turns, kind="stable")]
    return np.asarray(positions[order[:count]], np.int64)


def _turns(clusters: Codes) -> Positions:
    """Return how many of its cluster stand before each item of a list."""
    by_cluster = np.argsort(clusters, kind="stable")
    ordered = clusters[by_cluster]
    starts = np.flatnonzero(np.diff(ordered, prepend=ordered[:1] - 1))
    lengths = np.diff(starts, append=len(ordered))
    turns = np.empty(len(clusters), np.int64)
    turns[by_cluster] = np.arange(len(ordered)) - np.repeat(starts, lengths)
    return turns


def share_array(shares: Mapping[str, float], names: Sequence[str], kind: str) -> Floats | None:
    """Return shares in the order of `names`, shape `(len(names),)`, 0 for one without; None without
    any share.

    Raises `InputError` for a share of a name that no prompt has; `kind` is what names are of.
    """
    for name in shares:
        if name not in names:
            near = difflib.get_close_matches(name, names, 1)
            raise InputError(
                f"sample.mix: no prompt that can be drawn is of the {kind} {name!r}",
                (f"did you mean {near[0]!r}? " if near else "") + f"there are {', '.join(names)}",
            )
    return np.array([shares.get(name, 0.0) for name in names]) if shares else None


def fit_shares(there: Counts, by_source: Floats | None, by_category: Floats | None) -> Floats:
    """Return the share of each source (row) and category (column) in a draw, shape of `there`,
    which counts the prompts there are.

    With both kinds of shares, the table that is nearest to what is there and has their margins
    (iterative proportional fitting, Deming and Stephan 1940). Raises `InputError` if no table has.
    """
    table: Floats = there / max(1, there.sum())
    for _ in range(_MAX_STEPS):
        before = table
        table = _fit_margin(_fit_margin(table, by_source, 1), by_category, 0)
        if np.abs(table - before).max(initial=0.0) < _CONVERGED:
            break
    for shares, axis in ((by_source, 1), (by_category, 0)):
        if shares is not None and np.abs(table.sum(axis) - shares).max() > _UNREACHABLE:
            raise InputError(
                "sample.mix: no draw has the shares of both sources and categories: the prompts "
                "that would be needed are of a category that the source has not",
                "drop one kind of shares, or give shares that the sources can meet",
            )
    return table


def _fit_margin(table: Floats, shares: Floats | None, axis: int) -> Floats:
    """Return the table with its sums along `axis` made the shares, where they are not 0."""
    if shares is None:
        return table
    sums = table.sum(axis, keepdims=True)
    wanted = np.expand_dims(shares, axis)
    factors = np.divide(wanted, sums, out=np.zeros_like(sums), where=sums > 0)
    return np.asarray(table * factors, np.float64)


def largest_draw(there: Counts, shares: Floats) -> int:
    """Return the size of the largest draw that has the shares exactly, rounding aside."""
    asked = shares > 0
    return int(np.floor((there[asked] / shares[asked]).min() + _CONVERGED)) if asked.any() else 0


def round_counts(shares: Floats, size: int) -> Counts:
    """Return whole numbers that sum to `size` and are nearest to its shares: largest remainders."""
    exact = (shares * size).ravel()
    counts = np.floor(exact + _CONVERGED).astype(np.int64)
    rest = np.argsort(-(exact - counts), kind="stable")[: max(0, size - int(counts.sum()))]
    counts[rest] += 1
    return counts.reshape(shares.shape)


def read_ledger(folder: Path, before: int) -> Ledger:
    """Return what the rounds before `before` drew, from the table `drawn` as far as it is there.

    Later rounds are of a sequence that was left. Raises `TableError` for a table that cannot be
    read.
    """
    if not folder.is_dir():
        return {}
    id_array, round_array = array("Q"), array("i")
    for batch in iter_batches(folder):
        for row in batch.to_pylist():
            round_array.append(row["round"])
            id_array.append(number_of(row["prompt_id"]))
    ids, rounds = np.array(id_array, np.uint64), np.array(round_array, np.int32)
    return {int(number): ids[rounds == number] for number in np.unique(rounds) if number < before}


def ledger_tables(ledger: Ledger) -> Iterator[pa.Table]:
    """Return the table `drawn` by round and id, in parts that fit into memory.

    DVC keeps it between runs of the stage, and its hash is in the lineage of every version.
    """
    numbers = sorted(ledger)
    rounds = np.concatenate([np.full(len(ledger[n]), n, np.int32) for n in numbers])
    ids = np.concatenate([np.sort(ledger[n]) for n in numbers])
    for start in range(0, max(1, len(ids)), ROWS_PER_GROUP):
        part = slice(start, start + ROWS_PER_GROUP)
        columns = {
            "prompt_id": [id_of(int(number)) for number in ids[part]],
            "round": pa.array(rounds[part].tolist(), pa.int32()),
        }
        yield pa.table(columns, schema=DRAWN)
