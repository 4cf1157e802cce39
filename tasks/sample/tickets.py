"""What the lottery knows of a prompt: a few numbers, so that millions of them fit into memory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from prefline.ids import content_hash
from prefline.prompts import Prompt

Ids = npt.NDArray[np.uint64]
Codes = npt.NDArray[np.int32]
Places = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

_HEX_DIGITS = 13  # 52 bits: all that a float between 0 and 1 holds


@dataclass(frozen=True, slots=True)
class Tickets:
    """Prompts as columns, each of shape `(n,)`: `ids` as numbers, and the place of each one's
    source, category and template in `sources`, `categories` and `templates` (-1: no template)."""

    ids: Ids
    source: Codes
    category: Codes
    template: Codes
    sources: tuple[str, ...]
    categories: tuple[str, ...]
    templates: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.ids)


def tickets_of(prompts: Iterable[Prompt]) -> Tickets:
    """The tickets of prompts, in their order; names are sorted, so that codes know no order."""
    ids, columns = list[int](), (list[str | None](), list[str | None](), list[str | None]())
    for prompt in prompts:
        ids.append(as_number(prompt.prompt_id))
        for column, value in zip(
            columns, (prompt.source, prompt.category, prompt.template), strict=True
        ):
            column.append(value)
    source, category, template = (_coded(column) for column in columns)
    return Tickets(
        np.array(ids, np.uint64),
        source[0], category[0], template[0], source[1], category[1], template[1],
    )  # fmt: skip


def as_number(prompt_id: str) -> int:
    """An id, 16 hex digits, as the number that it is."""
    return int(prompt_id, 16)


def as_id(number: int) -> str:
    """The id that a number is."""
    return f"{number:016x}"


def lots(tickets: Tickets, seed: int) -> Floats:
    """Each prompt's lot in [0, 1), a hash with the seed: shape `(n,)`, the same whatever other
    prompts there are."""
    hashes = (content_hash([seed, as_id(number)])[:_HEX_DIGITS] for number in tickets.ids.tolist())
    numbers = (int(digits, 16) for digits in hashes)
    return np.fromiter(numbers, np.float64, len(tickets)) / 16.0**_HEX_DIGITS


def places_in_lottery(lot: Floats, weight: Floats) -> Floats:
    """Keys, shape `(n,)`, the lowest of which are drawn: -ln(1 - lot) / weight.

    A draw without replacement in which the next prompt is always drawn with a chance in
    proportion to its weight (Efraimidis and Spirakis 2006, Information Processing Letters 97).
    Equal weights keep the order of the lots.
    """
    return np.asarray(-np.log1p(-lot) / weight, np.float64)


def _coded(names: list[str | None]) -> tuple[Codes, tuple[str, ...]]:
    known = sorted({name for name in names if name is not None})
    code = {name: place for place, name in enumerate(known)}
    return np.array([-1 if name is None else code[name] for name in names], np.int32), tuple(known)
