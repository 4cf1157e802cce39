"""How much a model's samples of one prompt differ.

The share of distinct n-grams among all (distinct-n: Li et al. 2016, arXiv 1510.03055), over the
samples of one prompt (per-input diversity: Kirk et al. 2023, arXiv 2310.06452), n-grams of one to
three words together. Words, not tokens of a model, so that two models are measured alike.

It falls with length by itself, since long texts repeat words; and where a prompt has one right
answer, a policy that learns it becomes less diverse and better at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

LONGEST = 3  # words in an n-gram
_WORD = re.compile(r"\w+|[^\w\s]")
_SEVERAL = 2


def distinct_share(samples: Sequence[str]) -> float | None:
    """Distinct n-grams of all samples over their number, above 0 to 1; None for fewer than two
    samples, which cannot differ, and where there are no words."""
    if len(samples) < _SEVERAL:
        return None
    grams = [gram for text in samples for gram in _grams(_WORD.findall(text.casefold()))]
    return len(set(grams)) / len(grams) if grams else None


def _grams(words: Sequence[str]) -> Iterator[tuple[str, ...]]:
    for n in range(1, LONGEST + 1):
        for start in range(len(words) - n + 1):
            yield tuple(words[start : start + n])
