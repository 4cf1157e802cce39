"""Drift of a policy's responses from another's on the same prompts, in length and diversity.

Both are ways in which a policy can please a judge without being better, and the stopping rule of
rounds limits them (`improve.max_length_ratio`, `improve.min_diversity`).

Diversity is the share of distinct n-grams among all (distinct-n: Li et al. 2016, arXiv 1510.03055),
over the samples of one prompt (per-input diversity: Kirk et al. 2023, arXiv 2310.06452), n-grams of
one to three words together. Words, not tokens of a model, so that two models are measured alike.
It falls with length by itself, since long texts repeat words; and where a prompt has one right
answer, a policy that learns it becomes less diverse and better at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from prefline.stats import Floats
from prefline.stats.bootstrap import NOTHING, Figure, Resampler

Row = Mapping[str, Any]
Sums = dict[str, tuple[float, float]]  # by prompt: a sum, and how many it is the sum of


@dataclass(frozen=True, slots=True)
class Comparison:
    """The policy's mean, the other's, and their ratio, on the prompts that both have answered."""

    policy: Figure
    other: Figure
    ratio: Figure


@dataclass(frozen=True, slots=True)
class Drift:
    """Mean length of a response in characters and in tokens (none where rows have no count), and
    the diversity of a prompt's samples. `n_prompts` have been
    answered by both; `n_alone` by one of them only."""

    n_prompts: int
    n_alone: int
    characters: Comparison
    tokens: Comparison
    diversity: Comparison

    def as_dict(self) -> dict[str, Any]:
        """Return the figures for JSON."""
        return asdict(self)


def drift(policy: Sequence[Row], other: Sequence[Row], seed: int = 0) -> Drift:
    """Return the drift of responses from others.

    Both are rows with `prompt_id`, `text` and `output_tokens`.
    """
    mine, theirs = ({row["prompt_id"] for row in rows} for rows in (policy, other))
    return Drift(
        n_prompts=len(mine & theirs),
        n_alone=len(mine ^ theirs),
        characters=_compare(_characters(policy), _characters(other), seed),
        tokens=_compare(_tokens(policy), _tokens(other), seed),
        diversity=_compare(_diversity(policy), _diversity(other), seed),
    )


def _characters(rows: Iterable[Row]) -> Sums:
    return _sums((row["prompt_id"], len(row["text"])) for row in rows)


def _tokens(rows: Sequence[Row]) -> Sums:
    """Sum over rows with a count; an endpoint counts tokens of all of its replies or of none."""
    known = [row for row in rows if row.get("output_tokens") is not None]
    return _sums((row["prompt_id"], row["output_tokens"]) for row in known)


def _diversity(rows: Iterable[Row]) -> Sums:
    """Return one share for each prompt that has several samples with any words."""
    texts: dict[str, list[str]] = {}
    for row in rows:
        texts.setdefault(row["prompt_id"], []).append(row["text"])
    shares = {prompt: distinct_share(samples) for prompt, samples in texts.items()}
    return {prompt: (share, 1.0) for prompt, share in shares.items() if share is not None}


def _sums(values: Iterable[tuple[str, float]]) -> Sums:
    sums: Sums = {}
    for prompt, value in values:
        total, count = sums.get(prompt, (0.0, 0.0))
        sums[prompt] = total + value, count + 1
    return sums


def _compare(policy: Sums, other: Sums, seed: int) -> Comparison:
    both = sorted(policy.keys() & other.keys())
    if not both:
        return Comparison(NOTHING, NOTHING, NOTHING)
    sampler = Resampler.of(np.arange(len(both)), seed)
    columns = np.array([(*policy[prompt], *other[prompt]) for prompt in both])
    sums = sampler.sums(np.arange(len(both)), *columns.T)
    return Comparison(
        policy=sampler.figure(sums, lambda drawn: _mean(drawn[:, :2]), columns[:, 1].sum()),
        other=sampler.figure(sums, lambda drawn: _mean(drawn[:, 2:]), columns[:, 3].sum()),
        ratio=sampler.figure(
            sums, lambda drawn: _mean(drawn[:, :2]) / _mean(drawn[:, 2:]), len(both)
        ),
    )


def _mean(sums: Floats) -> Floats:
    means: Floats = sums[:, 0] / sums[:, 1]
    return means


LONGEST = 3  # words in an n-gram
_WORD = re.compile(r"\w+|[^\w\s]")
_SEVERAL = 2


def distinct_share(samples: Sequence[str]) -> float | None:
    """Return distinct n-grams of all samples over their number, above 0 to 1.

    None for fewer than two samples, which cannot differ, and where there are no words.
    """
    if len(samples) < _SEVERAL:
        return None
    grams = [gram for text in samples for gram in _grams(_WORD.findall(text.casefold()))]
    return len(set(grams)) / len(grams) if grams else None


def _grams(words: Sequence[str]) -> Iterator[tuple[str, ...]]:
    for n in range(1, LONGEST + 1):
        for start in range(len(words) - n + 1):
            yield tuple(words[start : start + n])
