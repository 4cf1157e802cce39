"""Is a pair a preference, and of which response, how surely, on whose word?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from prefline.labels import VERIFIER, Evidence, Worth
from prefline.params import PairParams

_SUREST = 0.9999
_DIGITS = 9  # of p_chosen: beyond them machines differ


@dataclass(frozen=True, slots=True)
class Decided:
    """A pair with its label: `chosen` and `rejected` are response ids. `log_odds_se` is the
    standard error of the log-odds of `p_chosen`, from what is not known of the judges; it is 0
    where no model judge's word counts. Where `reason` is set the pair is no preference, and
    `detail` says why."""

    evidence: Evidence
    chosen: str
    rejected: str
    p_chosen: float
    agreement: float
    label_source: str
    log_odds_se: float = 0.0
    reason: str | None = None
    detail: str | None = None


def decide(
    evidence: Evidence,
    said: Worth,
    reviews: Mapping[str, float],
    params: PairParams,
) -> Decided:
    """The label of one pair.

    Log-odds of independent sources add up: what the model judges `said`, and the verifier
    with its known accuracy. Where people looked, only their word counts: `reviews` maps a pair
    to people's log-odds that the lower id is better.
    """
    source = _label_source(evidence, reviews)
    log_odds = _log_odds(evidence, said, reviews, params)
    p = 1 / (1 + math.exp(-abs(log_odds)))
    direction = 1 if log_odds >= 0 else -1
    chosen, rejected = (evidence.lower, evidence.upper)[::direction]
    votes = [saying.vote for saying in evidence.sayings]
    agreement = sum(vote == direction for vote in votes) / len(votes) if votes else 0.0
    p_chosen = min(round(p, _DIGITS), _SUREST)
    se = 0.0 if source == "human" else said.se
    decided = Decided(evidence, chosen, rejected, p_chosen, agreement, source, se)
    return decided if p_chosen >= params.min_p_chosen else _reject(decided)


def _label_source(evidence: Evidence, reviews: Mapping[str, float]) -> str:
    if evidence.pair_id in reviews:
        return "human"
    return "strong_ai" if evidence.verified else "ai"


def _log_odds(
    evidence: Evidence,
    said: Worth,
    reviews: Mapping[str, float],
    params: PairParams,
) -> float:
    if evidence.pair_id in reviews:
        return reviews[evidence.pair_id]
    strength = math.log(params.verifier_accuracy / (1 - params.verifier_accuracy))
    return strength * (evidence.verified or 0) + said.log_odds


def _reject(decided: Decided) -> Decided:
    reason, detail = _why_rejected(decided)
    return replace(decided, reason=reason, detail=detail)


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
