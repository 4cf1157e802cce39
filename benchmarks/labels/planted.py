"""Tables of judgments whose truth is known, by the formulas of the simulated provider."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from prefline.simulator.truth import (
    Candidate,
    JudgeWeights,
    PairDistribution,
    log_odds_first,
    sharpness_for,
    sigmoid,
)

# Four models' mean qualities; texts of one model vary by a standard deviation of 1 around it.
QUALITIES = (0.3, 0.1, -0.1, -0.3)
SPREAD = 0.4  # of ln(length)
# Accuracy, position bias, length bias of each judge.
JUDGES = {"weak": (0.6, 1.0, -0.7), "fair": (0.7, -1.0, 0.7), "good": (0.8, 1.0, 0.7)}


@dataclass(frozen=True, slots=True)
class Setting:
    """One kind of table. `follows` is the correlation of quality and log length within a model,
    `gold` the share of prompts that a verifier decides, `hard` verdicts without
    probabilities, `both` orders or one drawn at random."""

    name: str
    prompts: int = 400
    follows: float = 0.0
    gold: float = 0.0
    hard: bool = False
    both: bool = True
    judges: tuple[str, ...] = tuple(JUDGES)


@dataclass(slots=True)
class Planted:
    """Rows of `judgments`, responses' lengths and models by id, and the better of each pair
    (lower id, upper id). `verified` are the pairs that a verifier decided."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    lengths: dict[str, int] = field(default_factory=dict)
    models: dict[str, str] = field(default_factory=dict)
    better: dict[tuple[str, str], str] = field(default_factory=dict)
    verified: set[tuple[str, str]] = field(default_factory=set)


def plant(setting: Setting, seed: int) -> Planted:
    """All pairs of four responses, one of each model, to every prompt."""
    draw, made = np.random.default_rng(seed), Planted()
    leans = {name: lean_of(name, setting) for name in setting.judges}
    for _ in range(setting.prompts):
        texts = _responses(made, setting, draw)
        verified = draw.random() < setting.gold
        for a, b in itertools.combinations(sorted(texts), 2):
            made.better[a, b] = a if texts[a].quality > texts[b].quality else b
            if verified:
                made.verified.add((a, b))
                made.rows.append(_row(a, b, "verifier", 1.0 if made.better[a, b] == a else 0.0))
            for judge, lean in leans.items():
                orders = [(a, b), (b, a)]
                for x, y in orders if setting.both else [orders[draw.integers(2)]]:
                    felt = log_odds_first(texts[x], texts[y], lean) + draw.logistic()
                    made.rows.append(_row(x, y, judge, sigmoid(felt), hard=setting.hard))
    return made


def lean_of(name: str, setting: Setting) -> JudgeWeights:
    """The judge's log-odds, its sharpness solved for its accuracy on the setting's pairs."""
    accuracy, position, length = JUDGES[name]
    between = 2 * float(np.var(QUALITIES)) * len(QUALITIES) / (len(QUALITIES) - 1)
    pairs = PairDistribution(
        sd=math.sqrt(2 + between),
        length_slope=SPREAD * setting.follows,
        length_sd=SPREAD * math.sqrt(2 * (1 - setting.follows**2)),
    )
    lean = JudgeWeights(1.0, position, length)
    return JudgeWeights(sharpness_for(accuracy, lean, pairs), position, length)


def _responses(made: Planted, setting: Setting, draw: np.random.Generator) -> dict[str, Candidate]:
    texts = {}
    for model, quality in enumerate(QUALITIES):
        identity = f"{int(draw.integers(2**62)):016x}"
        z, e = draw.normal(size=2)
        stretch = SPREAD * (setting.follows * z + math.sqrt(1 - setting.follows**2) * e)
        texts[identity] = Candidate(quality + z, round(600 * math.exp(stretch)))
        made.lengths[identity] = texts[identity].length
        made.models[identity] = f"model-{model}"
    return texts


def _row(first: str, second: str, judge: str, p: float, *, hard: bool = False) -> dict[str, Any]:
    verifier = judge == "verifier"
    return {
        "prompt_id": min(first, second), "first_id": first, "second_id": second, "judge": judge,
        "method": "verifier" if verifier else "pairwise",
        "verdict": "first" if p > 0.5 else "second", "p_first": None if hard else p,
    }  # fmt: skip
