"""Accuracy, calibration and recovered biases of every way to label, for one setting and seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.labels.baselines import (
    Chances,
    bradley_terry,
    dawid_skene,
    majority,
    mean_swapped,
)
from benchmarks.labels.planted import JUDGES, Planted, Setting, plant
from prefline.labeling import Labels, Order, label_votes, read_votes

MODEL = "Prefline's model"
_BINS = 20
_TEXT = ("prompt_id", "first_id", "second_id", "judge", "method", "verdict")
_NUMBERS = ("p_first", "first_length", "second_length")
_COLUMNS = pa.schema(
    [(name, pa.string()) for name in _TEXT] + [(name, pa.float64()) for name in _NUMBERS]
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """`accuracy` and `ece` by way to label, on the pairs that no verifier decided;
    `position_errors` (found - planted) by judge that answers with probabilities."""

    accuracy: dict[str, float]
    ece: dict[str, float]
    position_errors: dict[str, float]


def measure(setting: Setting, seed: int) -> Outcome:
    """Plant a table, label it in every way, compare with the truth."""
    planted = plant(setting, seed)
    labels, chances = label_rows(planted.rows, planted.lengths)
    said = [row for row in planted.rows if row["judge"] != "verifier"]
    ways = {
        MODEL: chances,
        "mean of swapped p_first": mean_swapped(said),
        "Dawid-Skene": dawid_skene(said),
        "majority vote": majority(said),
        "Bradley-Terry over models": bradley_terry(said, planted.models),
    }
    scores = {name: score_of(way, planted) for name, way in ways.items()}
    return Outcome(
        {name: score[0] for name, score in scores.items()},
        {name: score[1] for name, score in scores.items()},
        position_errors(labels),
    )


def label_rows(
    rows: Sequence[Mapping[str, Any]], lengths: Mapping[str, int]
) -> tuple[Labels, Chances]:
    """Label rows of `judgments`, whose single orders are random, by Prefline's model."""
    table = pa.Table.from_pylist(
        [row | {f"{side}_length": lengths.get(row[f"{side}_id"]) for side in ("first", "second")}
         for row in rows],
        _COLUMNS,
    )  # fmt: skip
    votes = read_votes(table, order=Order.RANDOM)
    labels = label_votes(votes)
    first = table.take(pa.array(votes.first_row, pa.int64())).select(["first_id", "second_id"])
    pairs = (tuple(sorted(row.values())) for row in first.to_pylist())
    return labels, dict(zip(pairs, labels.p.tolist(), strict=True))


def position_errors(labels: Labels) -> dict[str, float]:
    """Return found - planted position biases of judges that answer with probabilities."""
    return {
        each.annotator.judge: each.position.bias - JUDGES[each.annotator.judge][1]
        for each in labels.annotators
        if not each.annotator.hard
    }


def score_of(way: Chances, planted: Planted) -> tuple[float, float]:
    """Accuracy (a chance of exactly one half is half right) and expected calibration error of
    the chosen side's chance, in 20 bins of equal width from 0 to 1 weighted by their pairs."""
    open_pairs = sorted(planted.better.keys() - planted.verified)
    p = np.array([way[pair] for pair in open_pairs])
    lower = np.array([planted.better[pair] == pair[0] for pair in open_pairs])
    right = np.where(p == 0.5, 0.5, (p > 0.5) == lower)
    chosen = np.maximum(p, 1 - p)
    bins = np.minimum((chosen * _BINS).astype(int), _BINS - 1)
    gaps = np.bincount(bins, weights=chosen - right)
    return float(right.mean()), float(np.abs(gaps).sum() / len(p))
