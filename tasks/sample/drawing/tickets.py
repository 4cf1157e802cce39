"""What the lottery knows of a prompt: a few numbers, so that millions of them fit into memory."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from prefline.ids import content_hash
from prefline.tables.prompts import Prompt

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
        """The tickets at some places only, without the names that none of these has."""
        columns = ("ids", "source", "category", "template", "checked")
        return joined([replace(self, **{name: getattr(self, name)[places] for name in columns})])

    def count(self, codes: Codes, names: tuple[str, ...]) -> Counter[str]:
        """How many have each name: `codes` is a column, `names` what its numbers are."""
        counts = np.bincount(codes[codes >= 0], minlength=len(names)).tolist()
        return Counter({name: n for name, n in zip(names, counts, strict=True) if n})


def joined(parts: Sequence[Tickets]) -> Tickets:
    """The tickets of all parts, one after the other; there is at least one part. Names are sorted,
    and each is that of some ticket."""
    (source, sources), (category, categories), (template, templates) = (
        _renamed([(getattr(part, codes), getattr(part, names)) for part in parts])
        for codes, names in (
            ("source", "sources"), ("category", "categories"), ("template", "templates")
        )
    )  # fmt: skip
    ids = np.concatenate([part.ids for part in parts])
    checked = np.concatenate([part.checked for part in parts])
    return Tickets(ids, source, category, template, checked, sources, categories, templates)


def tickets_of(prompts: Iterable[Prompt]) -> Tickets:
    """The tickets of prompts, in their order."""
    ids, checked = array("Q"), bytearray()
    names: tuple[dict[str, int], ...] = ({}, {}, {})
    columns = (array("i"), array("i"), array("i"))
    for prompt in prompts:
        ids.append(as_number(prompt.prompt_id))
        checked.append(prompt.verifier is not None)
        named = (prompt.source, prompt.category, prompt.template)
        for codes, known, name in zip(columns, names, named, strict=True):
            codes.append(-1 if name is None else known.setdefault(name, len(known)))
    source, category, template = (np.array(codes, np.int32) for codes in columns)
    has_check = np.frombuffer(bytes(checked), np.bool_)
    sources, categories, templates = (tuple(known) for known in names)
    found = Tickets(
        np.array(ids, np.uint64), source, category, template, has_check,
        sources, categories, templates,
    )  # fmt: skip
    return joined([found])


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


def _renamed(parts: Iterable[tuple[Codes, tuple[str, ...]]]) -> tuple[Codes, tuple[str, ...]]:
    """One column of all parts' codes, and its names: sorted, so that codes know no order."""
    numbers, columns = dict[str, int](), list[Codes]()
    for codes, names in parts:
        place = np.array(
            [*(numbers.setdefault(name, len(numbers)) for name in names), -1], np.int32
        )
        columns.append(place[codes])  # the last one is for -1
    column = np.concatenate(columns)
    in_use = np.bincount(column[column >= 0], minlength=len(numbers)) > 0
    known = sorted(name for name, number in numbers.items() if in_use[number])
    place = np.full(len(numbers) + 1, -1, np.int32)
    place[[numbers[name] for name in known]] = np.arange(len(known))
    return place[column], tuple(known)
