"""Preferences as TRL takes them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from prefline.config import TunedParams
from prefline.ids import content_hash

Row = dict[str, Any]
_COLUMNS = ("prompt", "chosen", "rejected")
_MOST = 0.499  # labels that are wrong as often as right say nothing


def drawn(rows: Sequence[Row], params: TunedParams) -> list[Row]:
    """The pairs to train on: of each prompt as many as params allow, those whose hash is lowest;
    in an order that the seed draws and that the order of the rows does not change."""
    order = sorted(rows, key=lambda row: content_hash([params.seed, row["pair_id"]]))
    taken: Counter[str] = Counter()
    kept = []
    for row in order:
        taken[row["prompt_id"]] += 1
        if params.pairs_per_prompt is None or taken[row["prompt_id"]] <= params.pairs_per_prompt:
            kept.append(row)
    return kept


def dataset_of(rows: Sequence[Row]) -> Any:
    """A `datasets.Dataset` of prompt, chosen and rejected, in TRL's conversational form."""
    from datasets import Dataset

    return Dataset.from_list([{name: row[name] for name in _COLUMNS} for row in rows])


def label_noise(rows: Sequence[Row]) -> float:
    """The share of labels that are wrong, as the calibrated probabilities have it: the mean of
    1 - p_chosen."""
    wrong = sum(1.0 - float(row["p_chosen"]) for row in rows)
    return min(wrong / max(len(rows), 1), _MOST)
