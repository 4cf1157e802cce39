"""A constitution: the written principles that answers are judged and revised by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefline.errors import InputError
from prefline.ids import content_hash
from prefline.sources import read_rows

_FIELDS = ("id", "choose", "critique", "revise")


@dataclass(frozen=True, slots=True)
class Principle:
    """One principle: `choose` says which of two answers to choose, `critique` what to look for
    in one answer and `revise` how to mend it; the last two are empty where none is given."""

    id: str
    choose: str
    critique: str = ""
    revise: str = ""


def read_principles(path: Path) -> tuple[Principle, ...]:
    """Return the principles of a file, in its order.

    Raises `InputError` that names file, row and field; for two principles with one id too.
    """
    principles = tuple(_principle(row, place) for place, row in read_rows(path))
    if not principles:
        raise InputError(f"{path.name} holds no principle", "give it one principle a line")
    twice = [name for name, count in Counter(one.id for one in principles).items() if count > 1]
    if twice:
        raise InputError(
            f"{path.name}: two principles have the id {twice[0]!r}", "give each an id of its own"
        )
    return principles


def draw_principle(principles: Sequence[Principle], *lottery: str | int) -> Principle:
    """Return one of the principles, drawn by the hash of `lottery`."""
    return principles[int(content_hash(["principle", *lottery])[:8], 16) % len(principles)]


def _principle(row: Mapping[str, Any], place: str) -> Principle:
    unknown = sorted(set(row) - set(_FIELDS))
    if unknown:
        raise InputError(
            f"{place}: unknown field {unknown[0]!r}", f"known fields: {', '.join(_FIELDS)}"
        )
    for field in _FIELDS:
        value = row.get(field)
        needed = field in ("id", "choose")
        if not (isinstance(value, str) and value.strip()) and (needed or value is not None):
            raise InputError(
                f"{place}: field '{field}' is missing or not text",
                "each principle is {id, choose}, with {critique, revise} for revisions",
            )
    return Principle(*(str(row.get(field) or "").strip() for field in _FIELDS))
