"""Sentences for a person about where the rounds stand."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.improve.evidence import Evidence
from tasks.improve.record import Round
from tasks.improve.strength import standing

_MEANS = {
    "stronger": "stronger than the policy",
    "unclear": "not surely stronger than the policy: measure it on more pairs",
    "not_stronger": "no stronger than the policy",
}


def said_of_gain(since: Sequence[Round], evidence: Evidence) -> str:
    """How the rounds after the best one, the first of `since`, stand against it."""
    best = since[0].number
    if len(since) == 1:
        return f"round {best} is the best so far"
    later = f"round {since[1].number}"
    if since[1] is not since[-1]:
        later = f"rounds {since[1].number} to {since[-1].number} together"
    gain = evidence.gain
    if gain.value is None:
        return f"{later} cannot be compared with round {best}: {gain.n} held-out prompts in common"
    by = "passes" if evidence.measure == "gold" else "wins above even"
    return (
        f"round {best} is the best so far; {later} against it: {gain.value:+.3f} "
        f"[{gain.low:+.3f}, {gain.high:+.3f}] {by} on {gain.n} prompts"
    )


def said_of_judge(latest: Round) -> str:
    """How the judge stands against the policy whose outputs it judged last."""
    judge = latest.judge
    if judge is None:
        return "no judge's word is in the labels of the last round, or none was measured"
    if judge.value is None or judge.low is None or judge.high is None:
        return "how strong the judge is could not be measured: no check decides any of its pairs"
    return (
        f"the judge is right on {judge.value:.0%} [{judge.low:.0%}, {judge.high:.0%}] of "
        f"{judge.n} checked pairs of the policy's own outputs: {_MEANS[standing(judge)]}"
    )
