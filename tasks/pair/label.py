"""Labelling all pairs of a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from prefline.labels import Calibration, gather_evidence, weigh
from prefline.params import PairParams
from tasks.pair.decide import Decided, decide


def label_pairs(
    judgments: list[dict[str, Any]],
    reviews: Mapping[str, float],
    params: PairParams,
    lengths: Mapping[str, int] | None = None,
) -> tuple[dict[str, Calibration], list[Decided]]:
    """What each judge's word is worth, and every pair with its label or the reason for none.

    `lengths` are the responses' characters by id; without them no length bias is taken off.
    """
    evidence = gather_evidence(judgments, lengths)
    calibrations, worth = weigh(evidence, params.verifier_accuracy)
    pairs = zip(evidence, worth, strict=True)
    return calibrations, [decide(one, said, reviews, params) for one, said in pairs]
