"""Accuracy, calibration and recovered biases of every way to label, for one setting and seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from benchmarks.labels.baselines import (
    Chances,
    bradley_terry,
    dawid_skene,
    majority,
    mean_swapped,
)
from benchmarks.labels.planted import JUDGES, Planted, Setting, plant
from prefline.labeling import Calibration, gather_evidence, label

MODEL = "Prefline's model"
_BINS = 20


@dataclass(frozen=True, slots=True)
class Outcome:
    """`accuracy` and `ece` by way to label, on the pairs that no verifier decided;
    `position_errors`, `length_errors` (found - planted) by judge."""

    accuracy: dict[str, float]
    ece: dict[str, float]
    position_errors: dict[str, float]
    length_errors: dict[str, float]


def measure(setting: Setting, seed: int) -> Outcome:
    """Plant a table, label it in every way, compare with the truth."""
    planted = plant(setting, seed)
    calibrations, chances = _by_model(planted)
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
        {name: one.position_bias - JUDGES[name][1] for name, one in calibrations.items()},
        {name: one.length_bias - JUDGES[name][2] for name, one in calibrations.items()},
    )


def _by_model(planted: Planted) -> tuple[Mapping[str, Calibration], Chances]:
    evidence = gather_evidence(planted.rows, planted.lengths)
    labels = label(evidence)
    chances = (1 / (1 + np.exp(-labels.log_odds))).tolist()
    pairs = ((one.lower, one.upper) for one in evidence)
    return labels.calibrations, dict(zip(pairs, chances, strict=True))


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
