"""The stopping rule of rounds: a pure function of the rows of the rounds so far.

The best round is the earliest that the rounds after it, taken together, do not beat beyond noise
(`tasks.improve.paired_difference`) by `min_gain` or more; once beaten, a round stays so. A round
outside the limits of length and diversity neither is best nor beats one, and a round that is itself
worse beyond noise, a training that went wrong, does not count against those after it. When
`patience` rounds have come after the best, it is a plateau. Later rounds are taken together,
because the measure of one is noisy, and the highest of several is high by luck; and they are
compared with the best round, not each with the one before, so that steps too small to be seen add
up.

Error rates, c being the confidence. Where nothing gains any more, a round is taken for beaten with
chance (1 - c) / 2 at most at each look, so in the `patience` looks at it with chance
patience (1 - c) / 2 at most (union bound: 5 % at 0.95 and 2). That costs one round more, and
makes a round the best that is as good. It is not corrected for how many rounds went before: the
bound is for each round anew, and a correction would take power from where a mistake is dear, the
rounds that still gain. With gains of g a round and a standard error s of the difference of two
rounds, two later rounds together are 1.5 g ahead with an error of 0.87 s: they are missed with
chance Phi(1.96 - 1.73 g / s), 1 % at g = 2.5 s. A round no worse is called worse with chance
(1 - c) / 2 at most, over all measures that can say so. docs/plateau.md has what comes of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from prefline.config.learning import ImproveParams
from prefline.errors import InputError
from tasks.improve.measure import judge_strength
from tasks.improve.paired_difference import (
    compare,
    lags_behind_reward,
    paired_difference,
    without_failed,
    worse,
)
from tasks.improve.record import Round
from tasks.improve.report import describe_difference, describe_judge

Reason = Literal[
    "over_optimisation", "worse", "length_drift", "diversity_loss", "judge_not_stronger",
    "plateau", "money", "max_rounds",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Finding:
    """One reason to stop, and a sentence for a person."""

    reason: Reason
    sentence: str


@dataclass(frozen=True, slots=True)
class Decision:
    """The verdict on another round; `best` is the round that `latest` should point to.

    `findings` are all reasons to stop, the gravest first: faults of the policy before exhausted
    budgets. `sentences` describe the rounds, whether it goes on or not.
    """

    go_on: bool
    best: int
    findings: tuple[Finding, ...]
    sentences: tuple[str, ...]

    @property
    def reason(self) -> Reason | None:
        """Return the gravest finding's reason; None if it goes on."""
        return self.findings[0].reason if self.findings else None


def decide(rounds: Sequence[Round], params: ImproveParams) -> Decision:
    """Decide after the last of `rounds`, which are all rounds so far in their order.

    The same rounds and params give the same decision. Raises `InputError` for no rounds.
    """
    if not rounds:
        raise InputError("there is no round to decide on", "note at least one round first")
    best, latest = best_round(rounds, params), rounds[-1]
    since = rounds[rounds.index(best) :]
    evidence = compare(since, params.confidence)
    findings = (
        *_quality(rounds, since, params),
        *_limits(rounds[0], latest, params),
        *_judge(latest),
        *_spent(rounds, params),
    )
    ranked = tuple(sorted(findings, key=lambda finding: _GRAVITY[finding.reason]))
    sentences = (
        describe_difference(since, evidence),
        describe_judge(latest),
        *(finding.sentence for finding in ranked),
    )
    return Decision(not findings, best.number, ranked, sentences)


def best_round(rounds: Sequence[Round], params: ImproveParams) -> Round:
    """Return the best round so far. A later round never makes it an earlier one."""
    within_limits = [each for each in rounds if not _limits(rounds[0], each, params)]
    best = 0
    for end in range(2, len(within_limits) + 1):
        while best < end - 1 and _beaten(within_limits[best:end], params):
            best += 1
    return within_limits[best]


def _beaten(since: Sequence[Round], params: ImproveParams) -> bool:
    compared = without_failed(since, params.confidence)
    difference = compare(compared, params.confidence).difference
    return (
        difference.better and difference.value is not None and difference.value >= params.min_gain
    )


_GRAVITY: dict[Reason, int] = {
    reason: at
    for at, reason in enumerate(Reason.__args__)  # type: ignore[attr-defined]
}


def _quality(
    rounds: Sequence[Round], since: Sequence[Round], params: ImproveParams
) -> tuple[Finding, ...]:
    """Return findings about the policy since the best round, which is the first of `since`.

    Over-optimisation (Gao et al. 2022, arXiv 2210.10760): the training reward rises while what
    it stands for falls, or has not followed in `patience` rounds. One round without a visible
    gain is not enough for that, since the reward, being finer, shows smaller steps.
    """
    best, tried = since[0], len(since) - 1
    fell = _fell(rounds, since, params)
    if tried == 0 or not (fell or tried >= params.patience):
        return ()
    rise = lags_behind_reward(rounds, since, params.confidence)
    if rise:
        did = "fell" if fell else "did not follow"
        sentence = (
            f"the training reward rose by {rise.value:.3g} since round {best.number} while what it "
            f"stands for {did}: the policy learns the reward's faults"
        )
        return (Finding("over_optimisation", sentence),)
    many = "round" if tried == 1 else f"{tried} rounds together"
    if fell:
        return (Finding("worse", f"the last {many} are worse than round {best.number}"),)
    return (Finding("plateau", f"the last {many} did not beat round {best.number} beyond noise"),)


def _fell(rounds: Sequence[Round], since: Sequence[Round], params: ImproveParams) -> bool:
    """Return whether the rounds after the best are worse than it.

    A single one may be the bad luck of one training, from which the next recovers: it has to be
    worse than the round before the best too.
    """
    tried, before = len(since) - 1, rounds.index(since[0]) - 1
    if tried == 0 or not worse(since, params.confidence):
        return False
    if tried > 1 or params.patience == 1:
        return True
    # Wins are against the round before: those of the best must not count for the last one.
    return (
        before >= 0
        and paired_difference(rounds[before].held_out, since[-1].held_out, params.confidence).worse
    )


def _limits(first: Round, latest: Round, params: ImproveParams) -> tuple[Finding, ...]:
    findings = []
    ratio = latest.mean_length / first.mean_length if first.mean_length else 1.0
    if not 1 / params.max_length_ratio <= ratio <= params.max_length_ratio:
        sentence = (
            f"responses are {ratio:.2f} times as long as in round {first.number}; "
            f"improve.max_length_ratio allows {params.max_length_ratio:g} either way"
        )
        findings.append(Finding("length_drift", sentence))
    share = latest.distinct / first.distinct if first.distinct else 1.0
    if share < params.min_diversity:
        sentence = (
            f"responses have {share:.0%} of round {first.number}'s distinct n-grams; "
            f"improve.min_diversity wants {params.min_diversity:.0%}"
        )
        findings.append(Finding("diversity_loss", sentence))
    return tuple(findings)


def _judge(latest: Round) -> tuple[Finding, ...]:
    if latest.judge is None or judge_strength(latest.judge) != "not_stronger":
        return ()
    sentence = "the judge is no stronger than the policy: its labels would teach nothing"
    return (Finding("judge_not_stronger", sentence),)


def _spent(rounds: Sequence[Round], params: ImproveParams) -> tuple[Finding, ...]:
    findings = []
    spent, latest = sum(each.cost_usd for each in rounds), rounds[-1]
    if params.max_usd is not None and spent + latest.cost_usd > params.max_usd:
        sentence = (
            f"{spent:.2f} USD are spent; another round like the last ({latest.cost_usd:.2f}) "
            f"would pass improve.max_usd ({params.max_usd:g})"
        )
        findings.append(Finding("money", sentence))
    if latest.number >= params.max_rounds:
        findings.append(Finding("max_rounds", f"improve.max_rounds is {params.max_rounds}"))
    return tuple(findings)
