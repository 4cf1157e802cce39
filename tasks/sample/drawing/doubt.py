"""How unsure an earlier version was of prompts, and so how much more they are to be drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from prefline.config import DoubtParams
from prefline.releases import Location, locate, read_manifest
from prefline.releases.manifest import PREFERENCE, DataFile
from prefline.releases.transfer import verified_path
from prefline.tables import texts
from tasks.sample.drawing.tickets import Codes, Floats, Ids, Tickets, as_number

_DIGITS = 12  # more would tell machines apart
_COLUMNS = ["prompt_id", "category", "p_chosen", "agreement"]


@dataclass(frozen=True, slots=True)
class Doubts:
    """The doubt of prompts that a version has pairs of, 0 to 1: `ids` rising and `doubt`, both of
    shape `(n,)`, and the mean of each category."""

    ids: Ids
    doubt: Floats
    by_category: Mapping[str, float]


def read_doubts(params: DoubtParams, root: Path) -> Doubts:
    """The doubts of the version that params name; a store that is a folder is taken from the
    project at `root`.

    Raises what reading a version raises.
    """
    uri = params.release if "://" in params.release else str(root / params.release)
    at = locate(uri)
    table = pa.concat_tables([_pairs(at, one) for one in read_manifest(at).of(PREFERENCE)])
    return doubts_of(table, params)


def _pairs(at: Location, file: DataFile) -> pa.Table:
    return pq.read_table(verified_path(at, file), columns=_COLUMNS)


def doubts_of(pairs: pa.Table, params: DoubtParams) -> Doubts:
    """The mean doubt of every prompt's pairs, rows of the format `preference`.

    Of a pair whose label is right with probability p it is 4 p (1 - p), the variance of its
    outcome as a share of the most there can be; by disagreement it is the share of judgments that
    name the rejected response, twice, up to 1.
    """
    p, agreement = (pairs[name].to_numpy() for name in ("p_chosen", "agreement"))
    doubt = 4 * p * (1 - p) if params.by == "uncertainty" else np.minimum(1, 2 * (1 - agreement))
    numbers = np.array([as_number(one) for one in texts(pairs, "prompt_id")], np.uint64)
    ids, means = _means(numbers, doubt)
    names, of_names = _means(np.array(texts(pairs, "category"), dtype=str), doubt)
    return Doubts(ids, means, dict(zip(names.tolist(), of_names.tolist(), strict=True)))


def weights(tickets: Tickets, doubts: Doubts, emphasis: float) -> Floats:
    """The weight of every prompt in the lottery, 1 + doubt x emphasis, shape `(n,)`.

    A prompt without pairs in the version has the mean doubt of the prompts of its template that
    have some, without such a template the mean of its category, else that of all.
    """
    place = np.minimum(np.searchsorted(doubts.ids, tickets.ids), max(0, len(doubts.ids) - 1))
    if not len(doubts.ids):
        return np.ones(len(tickets))
    known = doubts.ids[place] == tickets.ids
    own = np.where(known, doubts.doubt[place], np.nan)
    overall = float(doubts.doubt.mean())
    by_category = np.array([doubts.by_category.get(one, overall) for one in tickets.categories])
    by_template = _mean_by(tickets.template, own, len(tickets.templates))
    found = by_category[tickets.category] if len(by_category) else np.full(len(tickets), overall)
    has_template = tickets.template >= 0
    of_template = np.full(len(tickets), np.nan)
    of_template[has_template] = by_template[tickets.template[has_template]]
    found = np.where(np.isnan(of_template), found, of_template)
    found = np.where(known, own, found)
    return np.asarray(1 + np.round(found, _DIGITS) * emphasis, np.float64)


def _mean_by(codes: Codes, values: Floats, count: int) -> Floats:
    """The mean of the values of each code that are no NaN; NaN where there are none."""
    there = (codes >= 0) & ~np.isnan(values)
    sums = np.bincount(codes[there], values[there], minlength=count)
    counts = np.bincount(codes[there], minlength=count)
    means = np.full(count, np.nan)
    means[counts > 0] = sums[counts > 0] / counts[counts > 0]
    return means


def _means(keys: npt.NDArray[Any], values: Floats) -> tuple[npt.NDArray[Any], Floats]:
    """The keys, each once and rising, and the mean value of each."""
    names, codes = np.unique(keys, return_inverse=True)
    return names, np.bincount(codes, values) / np.bincount(codes)
