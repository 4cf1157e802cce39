"""Whether to do another round: pure, from the rows of the rounds so far.

The walk. The first round leads; a later one that is better than the leader beyond noise
(`prefline.rounds.gain`) and within the limits of length and diversity leads from then on. The
leader is the best round: none after it beats it beyond noise. Comparing with the leader, not with
the round just before, lets small gains of several rounds add up until they can be told from
noise; a step may be too small to be seen where two together are not.

Error rates, with c the confidence. Where nothing gains any more, a round is taken for better with
chance (1 - c) / 2 at most, so a spell of `patience` rounds holds a false gain with chance
patience (1 - c) / 2 at most (union bound; 5 % at 0.95 and 2), which costs as many rounds again
and makes a round the best that is as good. It is not corrected for the number of looks: the bound
is on each spell, however many rounds went before, and a correction would take power from where a
mistake is dear, the rounds that still gain. Those are stopped if no one of `patience` rounds shows
the gain since the leader: with standard error s of a difference and gains g a round, the last
look sees patience g, and misses it with chance Phi(1.96 - patience g / s). A round no worse is
called worse with chance (1 - c) / 2 at most, over all measures that can say so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from prefline.errors import InputError
from prefline.params.learning import ImproveParams
from prefline.rounds.evidence import Evidence, compare, proxy_gain
from prefline.rounds.record import Round
from prefline.rounds.strength import standing
from prefline.rounds.wording import said_of_gain, said_of_judge

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
    """Whether to go on; `best` is the number of the round that `latest` should lead to.

    `findings` are all reasons to stop, the gravest first: what is wrong with the policy before
    what has merely run out. `sentences` say how it stands, whether it goes on or not.
    """

    go_on: bool
    best: int
    findings: tuple[Finding, ...]
    sentences: tuple[str, ...]

    @property
    def reason(self) -> Reason | None:
        """The gravest finding's; None if it goes on."""
        return self.findings[0].reason if self.findings else None


def decide(rounds: Sequence[Round], params: ImproveParams) -> Decision:
    """Decide after the last of `rounds`, which are all rounds so far in their order.

    The same rounds and params give the same decision. Raises `InputError` for no rounds.
    """
    if not rounds:
        raise InputError("there is no round to decide on", "note at least one round first")
    best, latest = leader(rounds, params), rounds[-1]
    since = rounds[rounds.index(best) :]
    evidence = compare(since, params.confidence)
    findings = (
        *_quality(since, evidence, params),
        *_limits(rounds[0], latest, params),
        *_judge(latest),
        *_spent(rounds, params),
    )
    ranked = tuple(sorted(findings, key=lambda one: _GRAVITY[one.reason]))
    sentences = (
        said_of_gain(best, latest, evidence),
        said_of_judge(latest),
        *(one.sentence for one in ranked),
    )
    return Decision(not findings, best.number, ranked, sentences)


def leader(rounds: Sequence[Round], params: ImproveParams) -> Round:
    """The best round: found by walking forward, so that a later round never makes it an
    earlier one."""
    best = 0
    for at in range(1, len(rounds)):
        if _limits(rounds[0], rounds[at], params):
            continue
        if compare(rounds[best : at + 1], params.confidence).gain.better:
            best = at
    return rounds[best]


_GRAVITY: dict[Reason, int] = {
    reason: at
    for at, reason in enumerate(Reason.__args__)  # type: ignore[attr-defined]
}


def _quality(
    since: Sequence[Round], evidence: Evidence, params: ImproveParams
) -> tuple[Finding, ...]:
    """What became of the policy since the best round, which is the first of `since`.

    Over-optimisation (Gao et al. 2022, arXiv 2210.10760): the proxy reward rises while what it
    stands for falls, or has not risen in `patience` rounds. One round without a visible gain
    is not enough for that, since the proxy, of which there is more, shows smaller steps.
    """
    tried = len(since) - 1
    idle = tried >= params.patience
    if not (idle or evidence.worse):
        return ()
    best, latest = since[0], since[-1]
    proxy = proxy_gain(best, latest, params.confidence)
    if proxy.better:
        did = "fell" if evidence.worse else "did not rise beyond noise"
        return (
            Finding(
                "over_optimisation",
                f"the training reward rose by {proxy.value:.3g} since round {best.number} while "
                f"what it stands for {did}: the policy learns the reward's faults",
            ),
        )
    if evidence.worse:
        return (Finding("worse", f"round {latest.number} is worse than round {best.number}"),)
    rounds = "round" if tried == 1 else f"{tried} rounds"
    return (Finding("plateau", f"the last {rounds} did not beat round {best.number} beyond noise"),)


def _limits(first: Round, latest: Round, params: ImproveParams) -> tuple[Finding, ...]:
    found = []
    ratio = latest.mean_length / first.mean_length if first.mean_length else 1.0
    if not 1 / params.max_length_ratio <= ratio <= params.max_length_ratio:
        sentence = (
            f"responses are {ratio:.2f} times as long as in round {first.number}; "
            f"improve.max_length_ratio allows {params.max_length_ratio:g} either way"
        )
        found.append(Finding("length_drift", sentence))
    share = latest.distinct / first.distinct if first.distinct else 1.0
    if share < params.min_diversity:
        sentence = (
            f"responses have {share:.0%} of round {first.number}'s distinct n-grams; "
            f"improve.min_diversity wants {params.min_diversity:.0%}"
        )
        found.append(Finding("diversity_loss", sentence))
    return tuple(found)


def _judge(latest: Round) -> tuple[Finding, ...]:
    if latest.judge is None or standing(latest.judge) != "not_stronger":
        return ()
    sentence = "the judge is no stronger than the policy: its labels would teach nothing"
    return (Finding("judge_not_stronger", sentence),)


def _spent(rounds: Sequence[Round], params: ImproveParams) -> tuple[Finding, ...]:
    found = []
    spent, latest = sum(one.cost_usd for one in rounds), rounds[-1]
    if params.max_usd is not None and spent + latest.cost_usd > params.max_usd:
        sentence = (
            f"{spent:.2f} USD are spent; another round like the last ({latest.cost_usd:.2f}) "
            f"would pass improve.max_usd ({params.max_usd:g})"
        )
        found.append(Finding("money", sentence))
    if latest.number >= params.max_rounds:
        found.append(Finding("max_rounds", f"improve.max_rounds is {params.max_rounds}"))
    return tuple(found)
