"""One draw: which prompts of those that are left."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from prefline.config import SampleParams
from tasks.sample.drawing.shares import Counts, as_array, cell_shares, counts_of, most_with
from tasks.sample.drawing.tickets import Codes, Floats, Mask, Places, Tickets


@dataclass(frozen=True, slots=True)
class Urn:
    """What is drawn from: tickets, the key of each in the lottery (the lowest go first) and its
    cluster of alike prompts, if they were clustered. Columns of shape `(n,)`."""

    tickets: Tickets
    key: Floats
    cluster: Codes | None = None


@dataclass(frozen=True, slots=True)
class Short:
    """A part of the mix of which there were fewer prompts than its share."""

    source: str | None
    category: str | None
    asked: int
    there: int


@dataclass(frozen=True, slots=True)
class Draw:
    """The places in the urn that were drawn, rising, and what there was too little of."""

    places: Places
    short: tuple[Short, ...] = ()


def draw(urn: Urn, left: Mask, params: SampleParams, size: int | None) -> Draw:
    """Draw `size` prompts (all that the shares allow, if None) of those that are `left`.

    Raises `InputError` for shares that cannot be had.
    """
    places = _capped(urn, np.flatnonzero(left), params)
    tickets = urn.tickets
    by_source = as_array(params.source_shares, tickets.sources, "source")
    by_category = as_array(params.mix.categories, tickets.categories, "category")
    if by_source is None and by_category is None:
        count = len(places) if size is None else size
        return Draw(np.sort(_first(urn, places, count)))
    # Cells of what has no share are one, so that their mix is left to chance.
    row = tickets.source if by_source is not None else np.zeros(len(tickets), np.int32)
    column = tickets.category if by_category is not None else np.zeros(len(tickets), np.int32)
    there = np.zeros((row.max(initial=0) + 1, column.max(initial=0) + 1), np.int64)
    np.add.at(there, (row[places], column[places]), 1)
    shares = cell_shares(there, by_source, by_category)
    asked = counts_of(shares, most_with(there, shares) if size is None else size)
    drawn = [
        _first(urn, places[(row[places] == r) & (column[places] == c)], int(asked[r, c]))
        for r, c in np.argwhere(asked > 0)
    ]
    found = np.sort(np.concatenate([*drawn, np.zeros(0, np.int64)]))
    names = (tickets.sources if by_source is not None else None,
             tickets.categories if by_category is not None else None)  # fmt: skip
    return Draw(found, _short(asked, there, *names))


def _capped(urn: Urn, places: Places, params: SampleParams) -> Places:
    """The places without those beyond the most of their category."""
    kept = np.ones(len(places), np.bool_)
    for name, most in params.mix.at_most.items():
        if name in urn.tickets.categories:
            code = urn.tickets.categories.index(name)
            inside = places[urn.tickets.category[places] == code]
            kept &= ~np.isin(places, inside) | np.isin(places, _first(urn, inside, most))
    return places[kept]


def _first(urn: Urn, places: Places, count: int) -> Places:
    """The `count` places that go first: one of each cluster, then another of each, and so on;
    among them the lowest keys, and for equal keys the lowest ids."""
    keys, ids = urn.key[places], urn.tickets.ids[places]
    order = np.lexsort((ids, keys))
    if urn.cluster is not None:
        turn = _turns(urn.cluster[places][order])
        order = order[np.argsort(turn, kind="stable")]
    return np.asarray(places[order[:count]], np.int64)


def _turns(clusters: Codes) -> Places:
    """Of each item of a list, how many of its cluster stand before it."""
    by_cluster = np.argsort(clusters, kind="stable")
    ordered = clusters[by_cluster]
    begins = np.flatnonzero(np.diff(ordered, prepend=ordered[:1] - 1))
    lengths = np.diff(begins, append=len(ordered))
    turns = np.empty(len(clusters), np.int64)
    turns[by_cluster] = np.arange(len(ordered)) - np.repeat(begins, lengths)
    return turns


def _short(
    asked: Counts,
    there: Counts,
    sources: tuple[str, ...] | None,
    categories: tuple[str, ...] | None,
) -> tuple[Short, ...]:
    return tuple(
        Short(
            sources[r] if sources else None,
            categories[c] if categories else None,
            int(asked[r, c]),
            int(there[r, c]),
        )
        for r, c in np.argwhere(asked > there)
    )
