"""The accuracy of verifiers by kind of check: a declared prior, and people's answers on its pairs.

A verifier decides a pair of which one response passes and one fails. It is right if that one is
better in people's eyes, and half right if neither is. With accuracy a, the truth of a pair is the
verifier's response with probability (1 - t) a, the other with (1 - t) (1 - a), neither with
t = `_TIES`; what people say of it together (`consensus.py`) gives the likelihoods of the three. a
has the prior Beta(n h, n (1 - h)) with mean h, which weighs as much as n = 20 pairs of certain
truth; EM finds a with

    a = (n h + sum of E[right]) / (n + number of pairs that people looked at)

and the posterior is Beta with those counts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from scipy.stats import beta

from prefline.verifiers import accuracy_of
from tasks.pair.consensus import PRIOR_ANSWERS, Consensus
from tasks.pair.judged import JudgedPair

UNKNOWN = "unknown"  # the kind of a verifier whose prompt is not at hand
_TIES = 0.05
_ROUNDS = 200
_TAIL = 0.025  # on each side of a 95 % interval
_DIGITS = 6
_MOST = 0.999  # of an accuracy


@dataclass(frozen=True, slots=True)
class VerifierAccuracy:
    """The `accuracy` of a kind of verifier, with its 95 % interval, and its `prior`.

    It decided `n_pairs`, and people looked at `n_reviewed` of them.
    """

    prior: float
    accuracy: float
    low: float
    high: float
    n_pairs: int
    n_reviewed: int


def measure_verifiers(
    n_pairs: Mapping[str, int],
    answered: Iterable[JudgedPair],
    consensus: Mapping[str, Consensus],
    prior: float | None,
) -> dict[str, VerifierAccuracy]:
    """Return the accuracy of each kind of verifier that decided a pair, by kind.

    `n_pairs` is how many pairs each kind decided, `consensus` what people say by the ids of the
    pairs that they `answered`; `prior` stands in place of what the kinds declare, if given.
    """
    reviewed: dict[str, list[tuple[float, float, float]]] = defaultdict(list)
    for pair in answered:
        if pair.verified:
            people = consensus[pair.pair_id]
            side, other = (people.lower, people.upper)[:: pair.verified]
            reviewed[pair.verifier or UNKNOWN].append((side, other, people.tie))
    return {
        kind: _posterior(prior or accuracy_of(kind), count, reviewed[kind])
        for kind, count in sorted(n_pairs.items())
    }


def _posterior(
    prior: float, n_pairs: int, reviewed: list[tuple[float, float, float]]
) -> VerifierAccuracy:
    """Return the posterior; `reviewed` are people's (verifier's side, other side, tie)."""
    accuracy, right, total = prior, PRIOR_ANSWERS * prior, PRIOR_ANSWERS + len(reviewed)
    for _ in range(_ROUNDS):
        last = accuracy
        right = PRIOR_ANSWERS * prior
        for side, other, tie in reviewed:
            named, neither = (1 - _TIES) * accuracy * side, _TIES * tie
            every = named + (1 - _TIES) * (1 - accuracy) * other + neither
            right += (named + neither / 2) / every
        accuracy = right / total
        if abs(accuracy - last) < 10.0**-_DIGITS:
            break
    low, high = beta.ppf([_TAIL, 1 - _TAIL], right, total - right)
    return VerifierAccuracy(
        prior=prior,
        accuracy=round(min(accuracy, _MOST), _DIGITS),
        low=round(float(low), _DIGITS),
        high=round(float(high), _DIGITS),
        n_pairs=n_pairs,
        n_reviewed=len(reviewed),
    )
