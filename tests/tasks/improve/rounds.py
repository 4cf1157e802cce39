"""Rounds for tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tasks.improve import Round


def passes(rate: float, prompts: int = 200, seed: int = 0) -> dict[str, float]:
    """Outcomes of four samples a prompt at one pass rate."""
    hits = np.random.default_rng(seed).binomial(4, rate, prompts) / 4
    return {f"p{at:04d}": float(hit) for at, hit in enumerate(hits)}


def round_with(number: int, gold: dict[str, float] | None = None, **other: Any) -> Round:
    """A round with nothing conspicuous but what is given."""
    given = {
        "number": number, "dataset": "demo", "version": number, "model": f"m{number}",
        "policy": f"m{max(number - 1, 0)}", "gold": gold or {}, "mean_length": 100.0,
        "distinct": 0.8,
    }  # fmt: skip
    return Round(**{**given, **other})


def at_rates(rates: Sequence[float], **other: Any) -> list[Round]:
    """Rounds from 0 on at these pass rates, their samples drawn anew in each."""
    return [round_with(at, passes(rate, seed=at), **other) for at, rate in enumerate(rates)]
