"""Tests of rounds against each other, on paired outcomes by prompt.

The test is the sign-flip permutation test (Fisher 1935, The Design of Experiments, section 21) of
the mean difference. If two policies are alike on a prompt, its difference is as likely to be d as
-d; so all ways to flip the signs are equally likely, and the test holds its level exactly at any
number of prompts, whatever the distribution of outcomes, with many ties among them. A percentile
bootstrap does not at 20 to 50 prompts, which is what people hold out. Samples of one prompt are
not independent: they are averaged before, and the prompt is the unit, as in a cluster bootstrap.
The statistic is divided by its standard error, which makes the test hold its level also, with
enough prompts, where a policy is better on some prompts and worse on others (Janssen 1997,
Statistics & Probability Letters 36).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tasks.improve.record import Round

Floats = NDArray[np.floating[Any]]
Measure = Literal["gold", "held_out_judge"]
Outcomes = Mapping[str, float]

_EXACT = 12  # prompts up to which all flips are tried: 4,096
_FLIPS = 3_999  # drawn beyond that; with the one observed 4,000, so that levels come out even
_NORMAL = 1_000  # prompts beyond which the mean's distribution is normal for all that can be seen
_MIN_PROMPTS = 2


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """A mean difference by prompt with its interval; `n` prompts that both have.

    All but `n` are None without at least two prompts.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int

    @property
    def better(self) -> bool:
        """Return whether it is above zero beyond noise."""
        return self.low is not None and self.low > 0

    @property
    def worse(self) -> bool:
        """Return whether it is below zero beyond noise."""
        return self.high is not None and self.high < 0


def paired_difference(
    before: Mapping[str, float], after: Mapping[str, float], confidence: float
) -> PairedDifference:
    """Return the mean of `after` - `before` over the prompts that both have.

    The interval is two-sided at `confidence`: mean -+ q standard errors, q being the quantile
    of |t| over all flips of signs. So it excludes zero exactly where the sign-flip test rejects:
    of two rounds that are alike, the later comes out `better` in at most (1 - confidence) / 2.
    The order of prompts does not matter, and the same outcomes always give the same interval.
    """
    shared = sorted(before.keys() & after.keys())
    return mean_difference(
        np.array([after[prompt] - before[prompt] for prompt in shared]), confidence
    )


def mean_difference(differences: Floats, confidence: float) -> PairedDifference:
    """Return the same of differences of shape `(prompts,)`."""
    n = len(differences)
    if n < _MIN_PROMPTS:
        return PairedDifference(None, None, None, n)
    # Rounding must not make a difference of what are equal outcomes.
    differences = np.round(differences, 12)
    value = float(differences.mean())
    half_width = _half_width(differences, confidence)
    # Where the test just fails to reject, rounding must not decide.
    if math.isclose(half_width, abs(value), rel_tol=1e-9):
        half_width = abs(value)
    return PairedDifference(value, value - half_width, value + half_width, n)


def _half_width(differences: Floats, confidence: float) -> float:
    """Return half the width of the interval."""
    n = len(differences)
    error = float(differences.std(ddof=1)) / math.sqrt(n)
    if n > _NORMAL:
        return NormalDist().inv_cdf((1 + confidence) / 2) * error
    means = np.abs(_flips(n) @ differences) / n
    spread = np.sqrt(np.maximum((differences @ differences) / n - means**2, 0) / (n - 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        half_width = _quantile(np.nan_to_num(means / spread, nan=0.0), confidence) * error
    # Where all differences are of one size, t has no finite quantile or no error to multiply;
    # since t grows with the mean over flips, the mean itself gives the same test.
    return half_width if 0 < half_width < math.inf else _quantile(means, confidence)


def _quantile(statistics: Floats, confidence: float) -> float:
    """Return the least of `statistics` that at most a share of 1 - confidence of them exceeds."""
    rank = math.ceil(round(confidence * len(statistics), 9))
    return float(np.sort(statistics)[rank - 1])


@lru_cache(maxsize=4)
def _flips(n: int) -> Floats:
    """Return signs of shape `(flips, n)`, the observed ones (all +1) first."""
    if n <= _EXACT:
        bits = (np.arange(2**n)[:, None] >> np.arange(n)) & 1
    else:
        bits = np.random.default_rng(n).integers(0, 2, size=(_FLIPS + 1, n), dtype=np.int8)
        bits[0] = 0
    return 1.0 - 2.0 * bits


# Evidence: gold outcomes first, the held-out judge beside or instead


@dataclass(frozen=True, slots=True)
class Evidence:
    """The paired difference of later rounds, taken together, to one, and its measure.

    Pass rates on held-out prompts where all of them have some in common; else wins above even.
    """

    difference: PairedDifference
    measure: Measure


def compare(since: Sequence[Round], confidence: float) -> Evidence:
    """Compare the rounds after the first of `since`, taken together, with the first.

    `since` are consecutive rounds. Outcomes of a prompt are averaged over the later rounds: the
    mean of m rounds has 1 / m of one round's noise, and the luck of one round's training is
    averaged out too.
    """
    passes = _passes(since, confidence)
    if passes.n < _MIN_PROMPTS:
        return Evidence(mean_difference(_cumulative_wins(since), confidence), "held_out_judge")
    return Evidence(passes, "gold")


def without_failed(since: Sequence[Round], confidence: float) -> Sequence[Round]:
    """Leave out rounds between the ends whose pass rate is below the first's beyond noise.

    A training that went wrong says nothing of one that went well afterwards. Wins are each
    against the round before, so without pass rates none can be left out.
    """
    first, between = since[0], since[1:-1]
    if len(since[-1].held_out.keys() & first.held_out.keys()) < _MIN_PROMPTS:
        return since
    kept = [
        one
        for one in between
        if not paired_difference(first.held_out, one.held_out, confidence).worse
    ]
    return [first, *kept, since[-1]]


def worse(since: Sequence[Round], confidence: float) -> bool:
    """Return whether the rounds after the first of `since`, taken together, are worse than it.

    Either measure may say so, at a level that is shared between them where both are there
    (Bonferroni).
    """
    wins = _cumulative_wins(since)
    measured = (_passes(since, confidence).n >= _MIN_PROMPTS) + (len(wins) >= _MIN_PROMPTS)
    level = 1 - (1 - confidence) / max(measured, 1)
    return _passes(since, level).worse or mean_difference(wins, level).worse


def _passes(since: Sequence[Round], confidence: float) -> PairedDifference:
    return paired_difference(
        since[0].held_out, pooled([later.held_out for later in since[1:]]), confidence
    )


def lags_behind_reward(
    rounds: Sequence[Round], since: Sequence[Round], confidence: float
) -> PairedDifference | None:
    """Return the rise of the training reward after the best round, the first of `since`, if gold
    did not follow; None if it did, or if there is no rise beyond noise.

    What a rise of the reward is worth is taken from the rounds up to the best one: so many
    passes for each unit. Gold lags if it is below that beyond noise, prompt by prompt. Without
    gold, or a rise of both to take the rate from, any rise of the reward counts.
    """
    best, first = since[0], rounds[0]
    reward = pooled([later.proxy for later in since[1:]])
    rise = paired_difference(best.proxy, reward, confidence)
    if not rise.better:
        return None
    passes = pooled([later.held_out for later in since[1:]])
    earned = paired_difference(first.held_out, best.held_out, confidence).value
    paid = paired_difference(first.proxy, best.proxy, confidence).value
    if not (earned and paid and earned > 0 and paid > 0):
        return rise
    rate = earned / paid
    promised = {
        prompt: rate * (reward[prompt] - best.proxy[prompt])
        for prompt in reward.keys() & best.proxy
    }
    kept = {
        prompt: passes[prompt] - best.held_out[prompt] for prompt in passes.keys() & best.held_out
    }
    return rise if paired_difference(promised, kept, confidence).worse else None


def pooled(outcomes: Sequence[Outcomes]) -> dict[str, float]:
    """Return the mean over rounds of each prompt's outcome, for the prompts that all have."""
    if not outcomes:
        return {}
    shared = set(outcomes[0]).intersection(*outcomes[1:])
    return {
        prompt: sum(by_prompt[prompt] for by_prompt in outcomes) / len(outcomes)
        for prompt in shared
    }


def _cumulative_wins(since: Sequence[Round]) -> NDArray[np.floating[Any]]:
    """Return the mean lead of later rounds over the first by prompt, shape `(prompts,)`.

    Each has wins against the one before it, so wins above even are added up, then averaged.
    """
    wins = [later.wins for later in since[1:]]
    shared = sorted(set(wins[0]).intersection(*wins[1:])) if wins else []
    leads = [
        list(itertools.accumulate(by_prompt[prompt] - 0.5 for by_prompt in wins))
        for prompt in shared
    ]
    return np.array([sum(lead) / len(lead) for lead in leads])
