"""Prompts that say what another one says already: in form, nearly, or in meaning."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from prefline.config import FilterParams
from prefline.filters.near import near_duplicates
from prefline.filters.same import same
from prefline.tables import Rejection
from prefline.tables.prompts import Prompt
from tasks.sample.drawing.tickets import Ids, Mask, Places, as_id
from tasks.sample.filtering.crowd import Crowd

Meaning = Callable[[Iterable[Prompt]], Mapping[int, int]]
"""Of prompts in their order, the numbers of those that mean what an earlier one means, and its."""

_REASONS = ("", "duplicate", "near_duplicate", "semantic_duplicate")
_EXCERPT = 80  # characters


@dataclass(frozen=True, slots=True)
class Copies:
    """What goes of a crowd of prompts: the places, rising, for each the number of its reason, and
    the id of what stays in its place. `left` says of every place whether it stays."""

    places: Places
    reasons: npt.NDArray[np.int8]
    stays: Ids
    left: Mask

    def by_reason(self) -> Counter[str]:
        """How many go for which reason."""
        counts = np.bincount(self.reasons, minlength=len(_REASONS)).tolist()
        return Counter({name: n for name, n in zip(_REASONS, counts, strict=True) if n})


def copies_in(
    crowd: Crowd, params: FilterParams, standing: int = 0, meaning: Meaning | None = None
) -> Copies:
    """What of the prompts goes; the first `standing` stay, and what is like them goes."""
    instead = np.arange(len(crowd))  # the place of what stays in the place of each
    reasons = np.zeros(len(crowd), np.int8)

    def note(reason: int, gone: Places, before: Places) -> None:
        reasons[gone], instead[gone] = reason, before

    note(1, *same(crowd.marks.forms, standing))
    if params.near_duplicates is not None:
        left = np.flatnonzero(reasons == 0)
        found = _near(crowd.at(left), params, standing)
        note(2, *(left[places] for places in found))
    if meaning is not None:
        left = np.flatnonzero(reasons == 0)[standing:]
        alike = meaning(crowd.prompts(left))
        note(3, *(left[np.array([*some], np.int64)] for some in (alike, alike.values())))
    for _ in _REASONS:  # what stayed in its place may have gone in another way
        instead = instead[instead]
    gone = np.flatnonzero(reasons)
    return Copies(gone, reasons[gone], crowd.ids[instead[gone]], reasons == 0)


def _near(crowd: Crowd, params: FilterParams, standing: int) -> tuple[Places, Places]:
    assert params.near_duplicates is not None

    def texts(places: Places) -> Iterator[str]:
        return (one.text for one in crowd.prompts(places))

    return near_duplicates(crowd.marks.bands, texts, params.near_duplicates, standing)


def rejections_of(copies: Copies, crowd: Crowd) -> Iterator[Rejection]:
    """What goes, as rejections that name what stays, in the order of the crowd."""
    prompts = crowd.prompts(copies.places)
    beside = zip(copies.reasons.tolist(), copies.stays.tolist(), strict=True)
    for prompt, (reason, stays) in zip(prompts, beside, strict=True):
        detail = f"of {as_id(stays)}: {prompt.text[:_EXCERPT]}"
        yield Rejection("sample", "prompt", prompt.prompt_id, _REASONS[reason], detail)
