"""Rounds of draws, none of which draws what an earlier one drew."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from prefline.config import SampleParams
from prefline.errors import InputError
from tasks.sample.drawing.mix import Draw, Urn, draw
from tasks.sample.drawing.tickets import Ids, Mask

Ledger = Mapping[int, Ids]
"""The ids that each round drew, as it was noted when it did."""


def draw_of_round(urn: Urn, params: SampleParams, ledger: Ledger) -> Draw:
    """What the round of params draws: nothing that a round before it has drawn.

    The ledger says what those drew. For one that it does not have, what that round would draw
    today takes its place, so that a round is the same on a machine that has not seen the others.
    With `reuse` a round that finds too few prompts begins anew, with what was not drawn first.
    Without a size every round has all prompts.

    Raises `InputError` if nothing is left, and for shares that cannot be had.
    """
    left = np.ones(len(urn.tickets), np.bool_)
    if params.size is None:
        return draw(urn, left, params, None)
    for number in range(params.round):
        if number in ledger:
            drawn = np.isin(urn.tickets.ids, ledger[number])
        else:
            drawn = _mask(urn, _one_round(urn, left, params))
        again = drawn & ~left  # it had begun anew
        left = ~again if params.reuse and again.any() else left & ~drawn
    if params.round and not left.any() and not params.reuse:
        raise InputError(
            f"sample.round is {params.round}, and the rounds before it have drawn all "
            f"{len(urn.tickets):,} prompts",
            "add sources, draw fewer with sample.size, or set sample.reuse to begin anew",
        )
    return _one_round(urn, left, params)


def _one_round(urn: Urn, left: Mask, params: SampleParams) -> Draw:
    assert params.size is not None
    found = draw(urn, left, params, params.size) if left.any() else Draw(np.zeros(0, np.int64))
    missing = params.size - len(found.places)
    if not params.reuse or missing == 0 or left.all():
        return found
    used = draw(urn, ~left, params, missing)
    return Draw(np.union1d(found.places, used.places), found.short)


def _mask(urn: Urn, found: Draw) -> Mask:
    mask = np.zeros(len(urn.tickets), np.bool_)
    mask[found.places] = True
    return mask
