"""Simulated rounds of a seed, as the pipeline would record them, with their hidden truth."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from benchmarks.plateau.world import (
    Floats,
    Judge,
    Labels,
    Policy,
    Prompts,
    Responses,
    World,
    draw_prompts,
    expected_pass,
    label,
    prefers_first,
    respond,
    seen_by,
    train,
)
from tasks.improve import Round, measure_judge

SEEN = 0.75  # share of held-out prompts whose template training saw; here no easier than others
CHECKED = 100  # pairs a round of which one alone passes, on which the judge is measured
FAIR = 1.0  # how far the held-out judge, which has no length bias, is above the labelling one


@dataclass(frozen=True, slots=True)
class Setting:
    """`held_out` prompts with `samples` each, in each of `last` rounds; `gold`: whether checks
    decide them, or the held-out judge alone."""

    name: str
    world: World
    held_out: int = 1_600
    samples: int = 4
    last: int = 14
    gold: bool = True
    max_length_ratio: float = 1.5


@dataclass(frozen=True, slots=True)
class Run:
    """All `last` rounds of a seed after round 0, without a stopping rule.

    `truth` is the noise-free expected pass rate of each round's model, shape `(last + 1,)`.
    """

    rounds: tuple[Round, ...]
    truth: Floats


def run(setting: Setting, seed: int) -> Run:
    """Simulate all rounds."""
    draw = np.random.default_rng([seed, 2_024])
    prompts, policies, labels = draw_prompts(setting.held_out, draw), [setting.world.policy], []
    for _ in range(setting.last):
        labels.append(label(setting.world, policies[-1], draw))
        policies.append(train(setting.world, policies[-1], labels[-1]))
    responses = [respond(policy, prompts, setting.samples, draw) for policy in policies]
    rounds = [_row(0, policies[0], _figures(setting, prompts, responses[0]))]
    for at, (old, new) in enumerate(itertools.pairwise(responses), 1):
        figures = _figures(setting, prompts, new)
        figures["wins"] = _by_prompt(_wins(setting, prompts, (old, new), draw))
        rounds.append(_row(at, policies[at], figures, labels[at - 1]))
    return Run(tuple(rounds), np.array([expected_pass(policy) for policy in policies]))


def _figures(
    setting: Setting, prompts: Prompts, responses: Responses
) -> dict[str, dict[str, float]]:
    passed = _by_prompt((responses.quality > 0).mean(axis=1)) if setting.gold else {}
    names = list(passed)
    cut = round(SEEN * len(names))
    return {
        "gold": {name: passed[name] for name in names[:cut]},
        "unseen": {name: passed[name] for name in names[cut:]},
        "proxy": _by_prompt(seen_by(setting.world.judge, prompts, responses).mean(axis=1)),
    }


def _wins(
    setting: Setting,
    prompts: Prompts,
    tried: tuple[Responses, Responses],
    draw: np.random.Generator,
) -> Floats:
    """Return wins of the newer of two policies, sample against sample, by prompt."""
    fair = Judge(setting.world.judge.ability + FAIR)
    honest = [Responses(one.quality, np.zeros_like(one.length)) for one in tried]
    old, new = (seen_by(fair, prompts, one) for one in honest)
    won: Floats = prefers_first(new, old, draw).mean(axis=1)
    return won


def _row(
    number: int,
    policy: Policy,
    figures: dict[str, dict[str, float]],
    labels: Labels | None = None,
) -> Round:
    pairs = [] if labels is None else labels.right[:CHECKED].astype(float).tolist()
    return Round(
        number=number, dataset="planted", version=number, model=f"policy-{number}",
        policy=f"policy-{max(number - 1, 0)}",
        mean_length=400 * float(np.exp(policy.length)), distinct=policy.spread, cost_usd=1.0,
        judge=measure_judge(pairs, [f"{at:05d}" for at in range(len(pairs))]) if pairs else None,
        **figures,
    )  # fmt: skip


def _by_prompt(values: Floats) -> dict[str, float]:
    return {f"p{at:05d}": float(value) for at, value in enumerate(values)}


# The settings that are simulated

_OFF = 1e9  # a limit of length that never stops
_LIKES_LENGTH = World(Judge(0.25, bias=0.4))

WEAK = Setting("Weak judge, ability -0.5", World(Judge(-0.5)))
MIDDLE = Setting("Middle judge, ability 0.25", World(Judge(0.25)))
STRONG = Setting("Strong judge, ability 1", World(Judge(1.0)))
JUDGES = (WEAK, MIDDLE, STRONG)
OVER = Setting("Middle judge that likes length, no limit of length", _LIKES_LENGTH,
               max_length_ratio=_OFF)  # fmt: skip
LIMITED = Setting("The same, limit of length 1.5", _LIKES_LENGTH)
STEADY = Setting("Steady gains in all rounds", World(Judge(3.0), rate=0.8, cost=0.08))
NOTHING = Setting("Nothing to learn", World(Judge(0.25), rate=0.0, cost=0.0))
POORER = (
    Setting("Middle judge, 400 held-out prompts", World(Judge(0.25)), held_out=400),
    Setting("Middle judge, 100 held-out prompts", World(Judge(0.25)), held_out=100),
    Setting("Middle judge, 1,000 pairs a round", World(Judge(0.25), pairs=1_000)),
    Setting("Middle judge, no gold: the held-out judge alone", World(Judge(0.25)), gold=False),
    Setting("Middle judge, slow learning", World(Judge(0.25), rate=1.0, cost=0.1)),
)
SETTINGS = (*JUDGES, OVER, LIMITED, STEADY, NOTHING, *POORER)
