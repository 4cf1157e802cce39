"""Is a pair a preference, and of which response, how surely, on whose word?"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from prefline.config import PairParams
from prefline.labeling import VERIFIER, Evidence, Saying, Worth
from tasks.pair.people import Consensus

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

    @property
    def p_lower(self) -> float:
        """The probability that the pair's lower id is better."""
        return self.p_chosen if self.chosen == self.evidence.lower else 1 - self.p_chosen


def decide(evidence: Evidence, said: Worth, params: PairParams) -> Decided:
    """The label of one pair on the word of judges alone.

    Log-odds of independent sources add up: what the model judges `said`, and the verifier
    with its known accuracy.
    """
    strength = math.log(params.verifier_accuracy / (1 - params.verifier_accuracy))
    log_odds = strength * (evidence.verified or 0) + said.log_odds
    source = _source(evidence)
    p = 1 / (1 + math.exp(-abs(log_odds)))
    decided = replace(_labelled(evidence, log_odds >= 0, p, source), log_odds_se=said.se)
    if decided.p_chosen >= params.min_p_chosen:
        return decided
    reason, detail = _why_rejected(decided)
    return replace(decided, reason=reason, detail=detail)


def heed(judged: Decided, people: Consensus, params: PairParams) -> Decided:
    """The label of a pair that people looked at: only their word counts."""
    p = max(people.lower, people.upper)
    decided = _labelled(judged.evidence, people.lower >= people.upper, p, "human")
    if decided.p_chosen >= params.min_p_chosen:
        return decided
    says = f"{people.n} answer(s): p = {people.lower:.3f}, {people.upper:.3f}, tie {people.tie:.3f}"
    return replace(decided, reason=_why_people_do_not(people), detail=says)


def winners(evidence: Evidence) -> dict[str, int]:
    """Which response each judge names over its valid verdicts: +1 the lower id, -1 the upper,
    0 neither (ties, or as many for each)."""
    votes: dict[str, int] = defaultdict(int)
    for saying in evidence.sayings:
        votes[saying.judge] += saying.vote
    return {judge: (total > 0) - (total < 0) for judge, total in votes.items()}


def contradicted(decided: Decided) -> float:
    """The share of the model judges that name a winner which name the other response; 0 where
    a verifier has decided."""
    if decided.evidence.verified:
        return 0.0
    models = {s.judge for s in decided.evidence.sayings if s.method != VERIFIER}
    named = [w for judge, w in winners(decided.evidence).items() if w and judge in models]
    chosen = 1 if decided.chosen == decided.evidence.lower else -1
    return sum(winner != chosen for winner in named) / len(named) if named else 0.0


def _source(evidence: Evidence) -> str:
    if evidence.verified:
        return "verifier"
    methods = {saying.method for saying in evidence.sayings if saying.method != VERIFIER}
    return "imported" if methods == {"imported"} else "ai"


def _labelled(evidence: Evidence, is_lower: bool, p: float, source: str) -> Decided:
    direction = 1 if is_lower else -1
    chosen, rejected = (evidence.lower, evidence.upper)[::direction]
    votes = [saying.vote for saying in evidence.sayings]
    agreement = sum(vote == direction for vote in votes) / len(votes) if votes else 0.0
    p_chosen = min(round(p, _DIGITS), _SUREST)
    return Decided(evidence, chosen, rejected, p_chosen, agreement, source)


def _why_rejected(decided: Decided) -> tuple[str, str]:
    evidence = decided.evidence
    p = f"p = {decided.p_chosen:.3f}"
    if not evidence.sayings:
        return "no_valid_verdict", f"{evidence.invalid} invalid verdict(s)"
    named = winners(evidence)
    if {1, -1} <= set(named.values()):
        sides = [sorted(judge for judge, w in named.items() if w == side) for side in (1, -1)]
        return "judges_disagree", f"{' and '.join(sides[0])} against {' and '.join(sides[1])}; {p}"
    flipped = [judge for judge in sorted(named) if _flips(evidence.of(judge))]
    if flipped:
        return "order_flip", f"the verdict of {', '.join(flipped)} depends on the order; {p}"
    if not any(named.values()) and any(saying.vote == 0 for saying in evidence.sayings):
        return "tie", f"{', '.join(sorted(named))}: neither is better"
    return "uncertain", f"{p} is below min_p_chosen"


def _flips(sayings: Sequence[Saying]) -> bool:
    """Whether a judge names one response in one order and the other in the other; on a judge with
    several verdicts in an order, such as by principle, by their sum."""
    lower_first = sum(saying.vote for saying in sayings if saying.shown_first)
    upper_first = sum(saying.vote for saying in sayings if not saying.shown_first)
    return lower_first * upper_first < 0


def _why_people_do_not(people: Consensus) -> str:
    if people.tie > max(people.lower, people.upper):
        return "people_tie"
    return "uncertain" if people.unanimous else "people_disagree"
