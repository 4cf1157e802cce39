"""Preferences as TRL takes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from prefline.ids import content_hash
from prefline.params import DpoParams, RewardModelParams

Row = dict[str, Any]
_COLUMNS = ("prompt", "chosen", "rejected")
_MOST = 0.499  # labels that are wrong as often as right say nothing


def pairs_of(rows: Sequence[Row], params: DpoParams | RewardModelParams) -> Any:
    """A `datasets.Dataset` of prompt, chosen and rejected, in TRL's conversational form, in an
    order that the seed draws and that the order of the rows does not change."""
    from datasets import Dataset

    order = sorted(rows, key=lambda row: content_hash([params.seed, row["pair_id"]]))
    return Dataset.from_list([{name: row[name] for name in _COLUMNS} for row in order])


def label_noise(rows: Sequence[Row]) -> float:
    """The share of labels that are wrong, as the calibrated probabilities have it: the mean of
    1 - p_chosen."""
    wrong = sum(1.0 - float(row["p_chosen"]) for row in rows)
    return min(wrong / max(len(rows), 1), _MOST)
