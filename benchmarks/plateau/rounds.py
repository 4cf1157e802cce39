"""A seed's rounds as the line would note them, beside the truth that it cannot see."""

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
    """All `last` rounds of a seed after round 0, whatever a brake would say, and the noise-free
    expected pass rate of each round's model, shape `(last + 1,)`."""

    rounds: tuple[Round, ...]
    truth: Floats


def run(setting: Setting, seed: int) -> Run:
    """Play all rounds."""
    draw = np.random.default_rng([seed, 2_024])
    prompts, policies, labels = draw_prompts(setting.held_out, draw), [setting.world.policy], []
    for _ in range(setting.last):
        labels.append(label(setting.world, policies[-1], draw))
        policies.append(train(setting.world, policies[-1], labels[-1]))
    tried = [respond(one, prompts, setting.samples, draw) for one in policies]
    rounds = [_row(0, policies[0], _figures(setting, prompts, tried[0]))]
    for at, (old, new) in enumerate(itertools.pairwise(tried), 1):
        figures = _figures(setting, prompts, new)
        figures["wins"] = _by_prompt(_wins(setting, prompts, (old, new), draw))
        rounds.append(_row(at, policies[at], figures, labels[at - 1]))
    return Run(tuple(rounds), np.array([expected_pass(one) for one in policies]))


def _figures(setting: Setting, prompts: Prompts, made: Responses) -> dict[str, dict[str, float]]:
    passed = _by_prompt((made.quality > 0).mean(axis=1)) if setting.gold else {}
    names = list(passed)
    cut = round(SEEN * len(names))
    return {
        "gold": {name: passed[name] for name in names[:cut]},
        "unseen": {name: passed[name] for name in names[cut:]},
        "proxy": _by_prompt(seen_by(setting.world.judge, prompts, made).mean(axis=1)),
    }


def _wins(
    setting: Setting,
    prompts: Prompts,
    tried: tuple[Responses, Responses],
    draw: np.random.Generator,
) -> Floats:
    """For the newer of two policies, sample against sample, by prompt."""
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
