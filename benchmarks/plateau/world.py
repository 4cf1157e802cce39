"""Rounds of self-improvement whose truth is known: a policy, a judge, and a step of training.

A prompt has a difficulty d. The policy's ability on it is theta + g, the judge's a + h (g and h are
what either is good at by chance). A response has content x = theta + g - d + spread e and log
length l = lam + 0.3 e' (0 is the length that serves); its quality is x - l^2, and it passes if
that is above 0: an item-response model with a probit link.

The judge tells what is better up to its own level: it finds the faults that it would not make
itself, and what is beyond its level looks alike. It sees a soft minimum of x and its own a + h - d,
whose slope in x falls from one far below that level to a half at it and to zero above. So its
discrimination falls as the policy comes near its ability, as is measured: judges are near chance on
hard pairs of strong models (JudgeBench, Tan et al. 2024, arXiv 2410.12784), and self-improvement
needs judging to be ahead of generating (Song et al. 2024, arXiv 2412.02674). That length does
harm it does not see; it adds bias x log length, and prefers by a Bradley-Terry chance.

Training moves the means of content and length by rate x half the mean difference of chosen and
rejected: the natural-gradient step of a Gaussian policy on its own labelled pairs. Labels that do
not agree with the truth teach nothing of it, and what they agree on beside it, length, is learnt
too. Each round costs a little ability (forgetting), whatever it teaches: where labels teach no
more than that, gains end.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, ndtr

Floats = NDArray[np.floating[Any]]

SHARPNESS = 4.0
EDGE = 0.25  # how gradually a judge's discrimination ends at its own level
STRETCH = 0.3  # standard deviation of log length
PENALTY = 1.0  # of quality by squared log length
_MANY = 100_000
OWN = 0.3  # standard deviation of g and of h


@dataclass(frozen=True, slots=True)
class Judge:
    """`ability` on the policy's scale; `bias` is what a unit of log length is worth to it."""

    ability: float
    bias: float = 0.0


@dataclass(frozen=True, slots=True)
class Policy:
    """Mean ability, mean log length, and standard deviation of content between samples."""

    ability: float = -1.0
    length: float = 0.0
    spread: float = 0.6


@dataclass(frozen=True, slots=True)
class World:
    """How rounds go: the judge that labels, pairs a round, rate of learning, ability that a round
    costs, and the share of `spread` that a round loses."""

    judge: Judge
    pairs: int = 4_000
    rate: float = 3.0
    cost: float = 0.3
    collapse: float = 0.0
    policy: Policy = field(default_factory=Policy)


@dataclass(frozen=True, slots=True)
class Prompts:
    """Difficulty, and what policy and judge are good at, each of shape `(prompts,)`."""

    difficulty: Floats
    policy: Floats
    judge: Floats


def draw_prompts(count: int, draw: np.random.Generator) -> Prompts:
    """Draw prompts of the population."""
    difficulty, policy, judge = draw.normal(size=(3, count))
    return Prompts(difficulty, OWN * policy, OWN * judge)


@dataclass(frozen=True, slots=True)
class Responses:
    """Content and log length, each of shape `(prompts, samples)`."""

    content: Floats
    length: Floats

    @property
    def quality(self) -> Floats:
        """Return the quality; a response passes above zero."""
        return self.content - PENALTY * self.length**2


def respond(policy: Policy, prompts: Prompts, samples: int, draw: np.random.Generator) -> Responses:
    """Draw independent samples of the policy for each prompt."""
    e = draw.normal(size=(2, len(prompts.difficulty), samples))
    level = policy.ability + prompts.policy - prompts.difficulty
    return Responses(level[:, None] + policy.spread * e[0], policy.length + STRETCH * e[1])


def seen_by(judge: Judge, prompts: Prompts, responses: Responses) -> Floats:
    """Return the value of responses to a judge, of shape `(prompts, samples)`."""
    own = (judge.ability + prompts.judge - prompts.difficulty)[:, None]
    return (
        -EDGE * np.logaddexp(-responses.content / EDGE, -own / EDGE) + judge.bias * responses.length
    )


def prefers_first(first: Floats, second: Floats, draw: np.random.Generator) -> NDArray[np.bool_]:
    """Draw verdicts on values of the same shape."""
    return draw.random(first.shape) < expit(SHARPNESS * (first - second))


@dataclass(frozen=True, slots=True)
class Labels:
    """Of one pair a prompt: whether the judge was `right` on the pairs of which one alone passes,
    and what chosen has above rejected on average."""

    right: NDArray[np.bool_]
    content: float
    length: float


def label(world: World, policy: Policy, draw: np.random.Generator) -> Labels:
    """Label a round's pairs as the judge sees them."""
    prompts = draw_prompts(world.pairs, draw)
    responses = respond(policy, prompts, 2, draw)
    values = seen_by(world.judge, prompts, responses)
    first = prefers_first(values[:, 0], values[:, 1], draw)
    sign = np.where(first, 1.0, -1.0)
    passed = responses.quality > 0
    checked = passed[:, 0] != passed[:, 1]
    means = [
        float((sign * (x[:, 0] - x[:, 1])).mean()) for x in (responses.content, responses.length)
    ]
    return Labels(first[checked] == passed[checked, 0], *means)


def train(world: World, policy: Policy, labels: Labels) -> Policy:
    """Return the policy that learnt from a round's labels."""
    return replace(
        policy,
        ability=policy.ability + world.rate * labels.content / 2 - world.cost,
        length=policy.length + world.rate * labels.length / 2,
        spread=policy.spread * (1 - world.collapse),
    )


@lru_cache(maxsize=32)
def expected_path(world: World, rounds: int) -> Floats:
    """Return the expected pass rate after each round, shape `(rounds + 1,)`.

    Each round has so many pairs that no luck is in it.
    """
    without = replace(world, pairs=_MANY)
    draw, policy, rates = np.random.default_rng(0), world.policy, []
    for _ in range(rounds + 1):
        rates.append(expected_pass(policy))
        policy = train(without, policy, label(without, policy, draw))
    return np.array(rates)


def expected_pass(policy: Policy) -> float:
    """Return the pass rate over all prompts and samples there could be, without noise."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    needed = PENALTY * (policy.length + STRETCH * nodes) ** 2
    spread = math.sqrt(1 + OWN**2 + policy.spread**2)
    chances = ndtr((policy.ability - needed) / spread)
    return float(chances @ weights / weights.sum())
