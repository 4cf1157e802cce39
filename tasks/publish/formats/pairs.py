"""Formats with one row for each pair: `preference`, `reward_soft` with fewer columns, and
`reward_margin`, whose log-odds have the name that TRL's RewardTrainer subtracts."""

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
        names = FORMATS[self.name].names
        columns = ["log_odds" if name == "margin" else name for name in names]
        return preferences.select(columns).rename_columns(names)

    def rest(self) -> Iterator[pa.Table]:
        """Nothing."""
        return iter(())
