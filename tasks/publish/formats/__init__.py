"""What a version's rows look like to the trainers that read them, one module for each format.

Each is made from the preferences as they stream by in their published order: a `Projection`
gives the format's rows of one table of them, and says what it has left out and why.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tasks.publish.formats import pairs, ranked, unpaired
from tasks.publish.formats.projection import Projection
from tasks.publish.order import Order

COLUMNS = ("prompt_id", "chosen_id", "rejected_id", "p_chosen", "chosen_model", "rejected_model")
"""What the formats beside `preference` and `reward_soft` are decided from."""


def projections(names: Sequence[str], order: Order, scratch: Path) -> list[Projection]:
    """The formats that are wanted, in the order of their names as given."""
    return [_projection(name, order, scratch) for name in names]


def _projection(name: str, order: Order, scratch: Path) -> Projection:
    if name in ("kto", "sft"):
        return unpaired.projection(name, order)
    if name == "ranked":
        return ranked.Ranked(order, scratch / "ranked")
    return pairs.Pairs(name)


__all__ = ["COLUMNS", "Iterator", "Mapping", "Projection", "projections"]
