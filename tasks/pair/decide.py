"""Is a pair a preference, and of which response, how surely, on whose word?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from prefline.params import PairParams
from tasks.pair.calibrate import Calibration
from tasks.pair.evidence import VERIFIER, Evidence

_SUREST = 0.9999


@dataclass(frozen=True, slots=True)
class Decided:
    """A pair with its label: `chosen` and `rejected` are response ids. Where `reason` is
    set the pair is no preference, and `detail` says why."""

    evidence: Evidence
    chosen: str
    rejected: str
    p_chosen: float
    agreement: float
    label_source: str
    reason: str | None = None
    detail: str | None = None


def decide(
    evidence: Evidence,
    calibrations: Mapping[str, Calibration],
    reviews: Mapping[str, float],
    params: PairParams,
) -> Decided:
    """The label of one pair.

    Log-odds of independent sources add up: calibrated model judges, and the verifier with
    its known accuracy. Where people looked, only their word counts: `reviews` maps a pair
    to people's log-odds that the lower id is better.
    """
    source = _label_source(evidence, reviews)
    log_odds = _log_odds(evidence, calibrations, reviews, params)
    p = 1 / (1 + math.exp(-abs(log_odds)))
    direction = 1 if log_odds >= 0 else -1
    chosen, rejected = (evidence.lower, evidence.upper)[::direction]
    votes = [saying.vote for saying in evidence.sayings]
    agreement = sum(vote == direction for vote in votes) / len(votes) if votes else 0.0
    decided = Decided(evidence, chosen, rejected, min(p, _SUREST), agreement, source)
    return decided if p >= params.min_p_chosen else _reject(decided)


def _label_source(evidence: Evidence, reviews: Mapping[str, float]) -> str:
    if evidence.pair_id in reviews:
        return "human"
    return "strong_ai" if evidence.verified else "ai"


def _log_odds(
    evidence: Evidence,
    calibrations: Mapping[str, Calibration],
    reviews: Mapping[str, float],
    params: PairParams,
) -> float:
    if evidence.pair_id in reviews:
        return reviews[evidence.pair_id]
    strength = math.log(params.verifier_accuracy / (1 - params.verifier_accuracy))
    total = strength * (evidence.verified or 0)
    for judge, calibration in calibrations.items():
        sayings = evidence.of(judge)
        if sayings:
            total += calibration.log_odds(sayings)
    return total


def _reject(decided: Decided) -> Decided:
    reason, detail = _why_rejected(decided)
    return Decided(
        decided.evidence, decided.chosen, decided.rejected, decided.p_chosen,
        decided.agreement, decided.label_source, reason, detail,
    )  # fmt: skip


def _why_rejected(decided: Decided) -> tuple[str, str]:
    evidence = decided.evidence
    votes = {saying.vote for saying in evidence.sayings if saying.method != VERIFIER}
    p = f"p = {decided.p_chosen:.3f}"
    if not evidence.sayings:
        return "no_valid_verdict", f"{evidence.invalid} invalid verdict(s)"
    if not votes and evidence.verified == 0:
        return "tie", "both pass or both fail the verifier, and nobody else judged them"
    if {1, -1} <= votes:
        return "order_flip", f"the judge's verdict depends on the order; {p}"
    return "uncertain", f"{p} is below min_p_chosen"
