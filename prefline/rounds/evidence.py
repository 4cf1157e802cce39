"""What speaks for or against a round: gold outcomes first, the held-out judge beside or instead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from prefline.rounds.gain import Gain, gain, mean_gain
from prefline.rounds.record import Round

Measure = Literal["gold", "held_out_judge"]
_LEAST = 2  # prompts, below which a measure says nothing


@dataclass(frozen=True, slots=True)
class Evidence:
    """The latest round against the best one, `gain` by `measure` at the confidence asked for.

    Pass rates on held-out prompts where both have them; else wins above even against the round
    before, added up over the rounds between. `worse`: either measure says so, at a level
    that is shared between them where both are there (Bonferroni).
    """

    gain: Gain
    measure: Measure
    worse: bool


def compare(since: Sequence[Round], confidence: float) -> Evidence:
    """The last of `since` against the first; `since` are all rounds from one to the other."""
    gold, wins = (since[0].held_out, since[-1].held_out), _won(since)
    shared = len(gold[0].keys() & gold[1].keys())
    if shared < _LEAST:
        found = mean_gain(wins, confidence)
        return Evidence(found, "held_out_judge", found.worse)
    both = len(wins) >= _LEAST
    shared_level = 1 - (1 - confidence) / 2 if both else confidence
    worse = gain(*gold, shared_level).worse or mean_gain(wins, shared_level).worse
    return Evidence(gain(*gold, confidence), "gold", worse)


def proxy_gain(best: Round, latest: Round, confidence: float) -> Gain:
    """How far the training reward rose, by prompt."""
    return gain(best.proxy, latest.proxy, confidence)


def _won(since: Sequence[Round]) -> np.ndarray:
    """Wins above even by prompt, added up over all rounds after the first, on the prompts that
    all of them have; shape `(prompts,)`."""
    steps: list[Mapping[str, float]] = [one.wins for one in since[1:]]
    if not steps:
        return np.zeros(0)
    shared = sorted(set.intersection(*(set(one) for one in steps)))
    return np.array([sum(one[prompt] - 0.5 for one in steps) for prompt in shared])
