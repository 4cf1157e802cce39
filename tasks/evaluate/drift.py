"""How a policy's responses drift from those of another on the same prompts: longer, or all alike.

Both are ways in which a policy can please a judge without being better, and a brake of the rounds
(`improve.max_length_ratio`, `improve.min_diversity`) looks at them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from prefline.stats import Floats
from prefline.stats.bootstrap import NOTHING, Figure, Resampler
from tasks.evaluate.diversity import distinct_share

Row = Mapping[str, Any]
Sums = dict[str, tuple[float, float]]  # by prompt: a sum, and how many it is the sum of


@dataclass(frozen=True, slots=True)
class Beside:
    """A mean of the policy's and of the other's, and the ratio of the two, on the prompts that
    both have answered."""

    policy: Figure
    other: Figure
    ratio: Figure


@dataclass(frozen=True, slots=True)
class Drift:
    """Mean length of a response in characters and in tokens (nothing where rows do not say), and
    the share of distinct n-grams among a prompt's samples (`diversity`). `n_prompts` have been
    answered by both; `n_alone` by one of them only."""

    n_prompts: int
    n_alone: int
    characters: Beside
    tokens: Beside
    diversity: Beside

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def drift(policy: Sequence[Row], other: Sequence[Row], seed: int = 0) -> Drift:
    """The drift of responses (rows with `prompt_id`, `text` and `output_tokens`) from others."""
    mine, theirs = ({row["prompt_id"] for row in rows} for rows in (policy, other))
    return Drift(
        n_prompts=len(mine & theirs),
        n_alone=len(mine ^ theirs),
        characters=_beside(_characters(policy), _characters(other), seed),
        tokens=_beside(_tokens(policy), _tokens(other), seed),
        diversity=_beside(_diversity(policy), _diversity(other), seed),
    )


def _characters(rows: Iterable[Row]) -> Sums:
    return _sums((row["prompt_id"], len(row["text"])) for row in rows)


def _tokens(rows: Sequence[Row]) -> Sums:
    """Of rows that say how many; an endpoint says so for all of its replies or for none."""
    known = [row for row in rows if row.get("output_tokens") is not None]
    return _sums((row["prompt_id"], row["output_tokens"]) for row in known)


def _diversity(rows: Iterable[Row]) -> Sums:
    """One share for each prompt that has several samples with any words."""
    texts: dict[str, list[str]] = {}
    for row in rows:
        texts.setdefault(row["prompt_id"], []).append(row["text"])
    shares = {prompt: distinct_share(samples) for prompt, samples in texts.items()}
    return {prompt: (share, 1.0) for prompt, share in shares.items() if share is not None}


def _sums(values: Iterable[tuple[str, float]]) -> Sums:
    found: Sums = {}
    for prompt, value in values:
        total, count = found.get(prompt, (0.0, 0.0))
        found[prompt] = total + value, count + 1
    return found


def _beside(policy: Sums, other: Sums, seed: int) -> Beside:
    both = sorted(policy.keys() & other.keys())
    if not both:
        return Beside(NOTHING, NOTHING, NOTHING)
    sampler = Resampler.of(np.arange(len(both)), seed)
    columns = np.array([(*policy[one], *other[one]) for one in both])
    sums = sampler.sums(np.arange(len(both)), *columns.T)
    return Beside(
        policy=sampler.figure(sums, lambda drawn: _mean(drawn[:, :2]), columns[:, 1].sum()),
        other=sampler.figure(sums, lambda drawn: _mean(drawn[:, 2:]), columns[:, 3].sum()),
        ratio=sampler.figure(
            sums, lambda drawn: _mean(drawn[:, :2]) / _mean(drawn[:, 2:]), len(both)
        ),
    )


def _mean(sums: Floats) -> Floats:
    found: Floats = sums[:, 0] / sums[:, 1]
    return found
