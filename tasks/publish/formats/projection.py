"""What every format's module has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

import pyarrow as pa


class Projection(Protocol):
    """Makes the rows of one format from preferences in their published order."""

    name: str
    left_out: Mapping[str, int]
    """What the format does not hold although the preferences do: counts by reason."""

    def of(self, preferences: pa.Table, start: int) -> pa.Table | None:
        """The rows that these preferences give, of which the first is at the place `start`;
        None for a format that gives all of its rows at the end."""
        ...

    def rest(self) -> Iterator[pa.Table]:
        """What there is to give once all preferences have been seen."""
        ...
