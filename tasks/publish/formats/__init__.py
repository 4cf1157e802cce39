"""What a version's rows look like to the trainers that read them, one module for each format.

Each is made from the preferences as they stream by in their published order: a `Projection`
gives the format's rows of one table of them, and says what it has left out and why.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tasks.publish.formats import pairs, ranked, unpaired
from tasks.publish.formats.projection import Projection
from tasks.publish.sorting import Order

_OF_RESPONSES = ("prompt_id", "chosen_id", "rejected_id", "p_chosen")
_WHOLE_PAIRS = ("preference", "reward_margin", "reward_soft")


def columns_for(names: Sequence[str]) -> tuple[str, ...]:
    """The columns of `preferences` that the formats are decided from, before texts are read."""
    return _OF_RESPONSES if set(names) - set(_WHOLE_PAIRS) else ()


def projections(names: Sequence[str], order: Order, scratch: Path) -> list[Projection]:
    """The formats that are wanted, in the order of their names as given."""
    return [_projection(name, order, scratch) for name in names]


def _projection(name: str, order: Order, scratch: Path) -> Projection:
    if name in ("kto", "sft"):
        return unpaired.projection(name, order)
    if name == "ranked":
        return ranked.Ranked(order, scratch / "ranked")
    return pairs.Pairs(name)


__all__ = ["Projection", "columns_for", "projections"]
