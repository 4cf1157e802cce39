"""The uncertainty of an earlier version about prompts, and the weights in the draw that follow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from prefline.config import UncertaintyParams
from prefline.releases import Location, locate, read_manifest
from prefline.releases.manifest import PREFERENCE, DataFile
from prefline.releases.transfer import verified_path
from prefline.tables import texts
from tasks.sample.pool import Codes, Floats, Ids, PromptColumns, number_of

_DIGITS = 12  # more would tell machines apart
_COLUMNS = ["prompt_id", "category", "p_chosen", "agreement"]


@dataclass(frozen=True, slots=True)
class Uncertainties:
    """The uncertainty of prompts that a version has pairs of, 0 to 1: `ids` rising and `mean`, both
    of shape `(n,)`, and the mean of each category."""

    ids: Ids
    mean: Floats
    by_category: Mapping[str, float]


def read_uncertainties(params: UncertaintyParams, root: Path) -> Uncertainties:
    """Return the uncertainties of the version that params name; a store that is a folder is taken
    from the project at `root`.

    Raises what reading a version raises.
    """
    uri = params.release if "://" in params.release else str(root / params.release)
    location = locate(uri)
    files = read_manifest(location).of(PREFERENCE)
    return mean_uncertainties(pa.concat_tables([_read_pairs(location, f) for f in files]), params)


def _read_pairs(location: Location, file: DataFile) -> pa.Table:
    return pq.read_table(verified_path(location, file), columns=_COLUMNS)


def mean_uncertainties(pairs: pa.Table, params: UncertaintyParams) -> Uncertainties:
    """Return the mean uncertainty of every prompt's pairs, rows of the format `preference`.

    Of a pair whose label is right with probability p it is 4 p (1 - p), the variance of its
    outcome as a share of the most there can be; by disagreement it is the share of judgments that
    name the rejected response, twice, up to 1.
    """
    p, agreement = (pairs[name].to_numpy() for name in ("p_chosen", "agreement"))
    by_pair = 4 * p * (1 - p) if params.by == "uncertainty" else np.minimum(1, 2 * (1 - agreement))
    numbers = np.array([number_of(prompt_id) for prompt_id in texts(pairs, "prompt_id")], np.uint64)
    ids, means = _means(numbers, by_pair)
    names, category_means = _means(np.array(texts(pairs, "category"), dtype=str), by_pair)
    by_category = dict(zip(names.tolist(), category_means.tolist(), strict=True))
    return Uncertainties(ids, means, by_category)


def draw_weights(columns: PromptColumns, uncertainties: Uncertainties, emphasis: float) -> Floats:
    """Return the weight of every prompt in the draw, 1 + uncertainty x emphasis, shape `(n,)`.

    A prompt without pairs in the version has the mean of the prompts of its template that have
    some, without such a template the mean of its category, else that of all.
    """
    if not len(uncertainties.ids):
        return np.ones(len(columns))
    nearest = np.searchsorted(uncertainties.ids, columns.ids)
    nearest = np.minimum(nearest, len(uncertainties.ids) - 1)
    is_known = uncertainties.ids[nearest] == columns.ids
    own = np.where(is_known, uncertainties.mean[nearest], np.nan)
    overall = float(uncertainties.mean.mean())
    by_category = np.array(
        [uncertainties.by_category.get(name, overall) for name in columns.categories]
    )
    by_template = _mean_by(columns.template, own, len(columns.templates))
    values = by_category[columns.category] if len(by_category) else np.full(len(columns), overall)
    has_template = columns.template >= 0
    of_template = np.full(len(columns), np.nan)
    of_template[has_template] = by_template[columns.template[has_template]]
    values = np.where(np.isnan(of_template), values, of_template)
    values = np.where(is_known, own, values)
    return np.asarray(1 + np.round(values, _DIGITS) * emphasis, np.float64)


def _mean_by(codes: Codes, values: Floats, count: int) -> Floats:
    """Return the mean of the values of each code that are no NaN; NaN where there are none."""
    counted = (codes >= 0) & ~np.isnan(values)
    sums = np.bincount(codes[counted], values[counted], minlength=count)
    counts = np.bincount(codes[counted], minlength=count)
    means = np.full(count, np.nan)
    means[counts > 0] = sums[counts > 0] / counts[counts > 0]
    return means


def _means(keys: npt.NDArray[Any], values: Floats) -> tuple[npt.NDArray[Any], Floats]:
    """Return the keys, each once and rising, and the mean value of each."""
    names, codes = np.unique(keys, return_inverse=True)
    return names, np.bincount(codes, values) / np.bincount(codes)
