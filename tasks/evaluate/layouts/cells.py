"""The cells of a row by our names of columns."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from prefline.config import HumanPairs
from prefline.errors import InputError

_EVEN = 0.5


@dataclass(frozen=True, slots=True)
class Cells:
    """A row of a table; `place` says where it is, for errors."""

    table: HumanPairs
    place: str
    row: Mapping[str, Any]

    def theirs(self, name: str) -> str:
        """The table's name of our column `name`."""
        return self.table.columns.get(name, name)

    def get(self, name: str) -> Any:
        """What a cell holds; None where it is empty or there is no such column."""
        found = reach(self.row, self.theirs(name))
        # NaN is how some writers of Parquet say that a cell is empty.
        return None if isinstance(found, float) and math.isnan(found) else found

    def needed(self, name: str) -> Any:
        """What a cell holds. Raises `InputError` where it is empty."""
        found = self.get(name)
        if found is None:
            raise self.fault(name, "is missing", f"map a column to it: columns: {{{name}: theirs}}")
        return found

    def text(self, name: str) -> str | None:
        """A cell of text, if there is one. Raises `InputError` for anything else."""
        found = self.get(name)
        if found is None or isinstance(found, str):
            return found
        raise self.fault(name, f"is {type(found).__name__}, not text", "write it as text")

    @property
    def category(self) -> str:
        """The kind of the pair, as the table names it."""
        return self.text("category") or "uncategorised"

    @property
    def p_chosen(self) -> float:
        """How probable it is that the better answer is better; 1 where the table does not say.

        Raises `InputError` for what is no probability of 0.5 to 1.
        """
        given = self.get("p_chosen")
        try:
            found = 1.0 if given is None else float(given)
        except (TypeError, ValueError):
            found = math.nan
        if _EVEN <= found <= 1 and not isinstance(given, bool):
            return found
        raise self.fault(
            "p_chosen", f"is {given!r}", "give the better answer's probability, from 0.5 to 1"
        )

    def fault(self, name: str, problem: str, remedy: str) -> InputError:
        """What is wrong with a cell, in the words of the table."""
        return InputError(f"{self.place}: field '{self.theirs(name)}' {problem}", remedy)


def reach(row: Mapping[str, Any], path: str) -> Any:
    """The cell `path` of a row; where no column is named so, dots lead into structs, by name, and
    into lists, by number from 0. None where there is nothing."""
    if path in row:
        return row[path]
    found: Any = row
    for step in path.split("."):
        if isinstance(found, Mapping):
            found = found.get(step)
        elif isinstance(found, list) and step.isdigit() and int(step) < len(found):
            found = found[int(step)]
        else:
            return None
    return found
