"""Formats with one row for each pair: `preference`, and `reward_soft` with its columns alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pyarrow as pa

from prefline.tables import FORMATS


class Pairs:
    """A `Projection` that takes columns."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.left_out: Mapping[str, int] = {}

    def of(self, preferences: pa.Table, start: int) -> pa.Table:  # noqa: ARG002
        """The columns of the format; every pair is in it."""
        return preferences.select(FORMATS[self.name].names)

    def rest(self) -> Iterator[pa.Table]:
        """Nothing."""
        return iter(())
