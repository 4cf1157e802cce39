"""Labelling all pairs of a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from prefline.params import PairParams
from tasks.pair.calibrate import Calibration, calibrate
from tasks.pair.decide import Decided, decide
from tasks.pair.evidence import gather_evidence


def label_pairs(
    judgments: list[dict[str, Any]], reviews: Mapping[str, float], params: PairParams
) -> tuple[dict[str, Calibration], list[Decided]]:
    """What each judge's word is worth, and every pair with its label or the reason for none."""
    evidence = gather_evidence(judgments)
    calibrations = calibrate(evidence)
    return calibrations, [decide(one, calibrations, reviews, params) for one in evidence]
