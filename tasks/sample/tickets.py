"""What the lottery knows of a prompt: a few numbers, so that millions of them fit into memory."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

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
    """Prompts as columns, each of shape `(n,)`: `ids` as numbers, the place of each one's source,
    category and template in `sources`, `categories` and `templates` (-1: no template), and whether
    it has a verifier."""

    ids: Ids
    source: Codes
    category: Codes
    template: Codes
    checked: Mask
    sources: tuple[str, ...]
    categories: tuple[str, ...]
    templates: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.ids)

    def at(self, places: Places) -> Tickets:
        """The tickets at some places only."""
        columns = ("ids", "source", "category", "template", "checked")
        return replace(self, **{name: getattr(self, name)[places] for name in columns})

    def count(self, codes: Codes, names: tuple[str, ...]) -> Counter[str]:
        """How many have each name: `codes` is a column, `names` what its numbers are."""
        counts = np.bincount(codes[codes >= 0], minlength=len(names)).tolist()
        return Counter({name: n for name, n in zip(names, counts, strict=True) if n})


class TicketBook:
    """Tickets while they are written, 21 bytes for each."""

    def __init__(self) -> None:
        self._ids, self._checked = array("Q"), bytearray()
        self._names: tuple[dict[str, int], ...] = ({}, {}, {})
        self._codes = (array("i"), array("i"), array("i"))

    def add(self, prompt: Prompt) -> None:
        """Write the ticket of a prompt."""
        self._ids.append(as_number(prompt.prompt_id))
        self._checked.append(prompt.verifier is not None)
        named = (prompt.source, prompt.category, prompt.template)
        for codes, names, name in zip(self._codes, self._names, named, strict=True):
            codes.append(-1 if name is None else names.setdefault(name, len(names)))

    def closed(self) -> Tickets:
        """The tickets in the order in which they were written; names are sorted, so that codes know
        no order."""
        (source, sources), (category, categories), (template, templates) = (
            _sorted(codes, names) for codes, names in zip(self._codes, self._names, strict=True)
        )
        ids = np.array(self._ids, np.uint64)
        checked = np.frombuffer(bytes(self._checked), np.bool_)
        return Tickets(ids, source, category, template, checked, sources, categories, templates)


def tickets_of(prompts: Iterable[Prompt]) -> Tickets:
    """The tickets of prompts, in their order."""
    book = TicketBook()
    for prompt in prompts:
        book.add(prompt)
    return book.closed()


def as_number(prompt_id: str) -> int:
    """An id, 16 hex digits, as the number that it is."""
    return int(prompt_id, 16)


def as_id(number: int) -> str:
    """The id that a number is."""
    return f"{number:016x}"


def lots(tickets: Tickets, seed: int) -> Floats:
    """Each prompt's lot in [0, 1), a hash with the seed: shape `(n,)`, the same whatever other
    prompts there are."""
    hashes = (content_hash([seed, as_id(int(number))])[:_HEX_DIGITS] for number in tickets.ids)
    numbers = (int(digits, 16) for digits in hashes)
    return np.fromiter(numbers, np.float64, len(tickets)) / 16.0**_HEX_DIGITS


def places_in_lottery(lot: Floats, weight: Floats) -> Floats:
    """Keys, shape `(n,)`, the lowest of which are drawn: -ln(1 - lot) / weight.

    A draw without replacement in which the next prompt is always drawn with a chance in
    proportion to its weight (Efraimidis and Spirakis 2006, Information Processing Letters 97).
    Equal weights keep the order of the lots.
    """
    return np.asarray(-np.log1p(-lot) / weight, np.float64)


def _sorted(codes: Sequence[int], names: Mapping[str, int]) -> tuple[Codes, tuple[str, ...]]:
    known = sorted(names)
    place = np.full(len(known) + 1, -1, np.int32)  # the last one is for -1
    place[[names[name] for name in known]] = np.arange(len(known))
    return place[np.array(codes, np.int32)], tuple(known)
