"""Formats with one row for each pair: `preference`, `reward_soft` and `reward_margin`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from prefline.tables.schemas import PREFERENCES
from tasks.publish.formats.base import PLACE, PublishFormat, column, text_column, tools_of

_REWARD = (
    text_column("pair_id", "hash of the two responses, whatever their order"),
    *(PREFERENCES.field(name) for name in ("prompt_id", "prompt", "chosen", "rejected")),
    *(PREFERENCES.field(name) for name in ("p_chosen", "log_odds", "chosen_id", "rejected_id")),
    *PLACE,
)
# TRL's RewardTrainer subtracts a column named `margin` in its loss, so no other format has one.
_MARGIN = column(
    "margin",
    pa.float64(),
    "log-odds of the label, which TRL's RewardTrainer subtracts in its loss",
    unit="log-odds",
)


class Pairs:
    """A `Projection` that selects columns of every pair, and renames them."""

    def __init__(self, columns: Sequence[str], names: Sequence[str]) -> None:
        self.left_out: Mapping[str, int] = {}
        self._columns, self._names = list(columns), list(names)

    def of(self, preferences: pa.Table, start: int) -> pa.Table:  # noqa: ARG002
        """Return the columns of the format; every pair is in it."""
        more = tools_of(preferences)
        return preferences.select([*self._columns, *more]).rename_columns([*self._names, *more])

    def rest(self) -> Iterator[pa.Table]:
        """Yield nothing."""
        return iter(())


def _format(
    name: str, description: str, fields: Sequence[pa.Field[Any]], *hub_tags: str
) -> PublishFormat:
    names = [field.name for field in fields]
    columns = ["log_odds" if one == "margin" else one for one in names]
    return PublishFormat(
        name=name,
        description=description,
        schema=pa.schema(fields),
        project=lambda _order, _scratch: Pairs(columns, names),
        hub_tags=hub_tags,
        left_out={
            "not_warranted": "preferences whose labels are not warranted, left to people",
            "same_when_cut": "pairs that are the same in the tokens that their trainer takes",
        },
    )


PREFERENCE = _format(
    "preference",
    "pairs with a chosen and a rejected answer: TRL's preference format",
    tuple(PREFERENCES),
)
REWARD_SOFT = _format(
    "reward_soft",
    "the same pairs with the columns of reward models on soft labels alone",
    _REWARD,
    "reward-model",
)
REWARD_MARGIN = _format(
    "reward_margin",
    "the same pairs with the margin that TRL's RewardTrainer subtracts",
    tuple(_MARGIN if one.name == "log_odds" else one for one in _REWARD),
    "reward-model",
)
