"""Attacks that show beside the other responses of a run: one text for many prompts, off the topic.

One text for prompts that have nothing to do with each other is a null model's answer, which can
win against honest ones before many judges (Zheng et al. 2024, arXiv 2410.07137). Near copies count:
each response is sketched by the least hashes of its runs of five words (Broder 1997), so that a
text with a number or a few words changed keeps most of its sketch. The cost is linear in the text
but for one sort of the hashes.

A response is off its topic only if it is long, shares not one rare word with the prompt or with any
other response to it, and those others do: an honest answer that is unlike the others still
names something that the prompt or one of them does. Without other answers nothing is said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence, Set
from zlib import crc32

import numpy as np
import numpy.typing as npt

_RUN = 5  # words
SKETCH = 8  # hashes kept of each response
_LEAST_WORDS = 12  # shorter answers are honestly the same for many prompts
_LEAST_PROMPTS = 3  # that share a text before it is suspicious
_LEAST_SHARED = 5  # of the sketch's hashes
MOST_COMPARED = 8  # prompts of a group that are compared with each other
_RELATED = 0.34  # share of common words from which prompts have to do with each other
_FACTORS = np.array(
    [
        0x9E3779B97F4A7C15,
        0xC2B2AE3D27D4EB4F,
        0x165667B19E3779F9,
        0x27D4EB2F165667C5,
        0x85EBCA77C2B2AE63,
    ],
    dtype=np.uint64,
)
_AT_ONCE = 100_000  # responses compared in one step, to bound memory
_HASHES_AT_ONCE = 2_000_000  # counted in one step
_LEAST_OTHERS = 3
_LEAST_RARE = 8  # rare words that a response off its topic must have
_LEAST_LETTERS = 4
_COMMON = 0.02  # share of responses from which on a word is common
_LEAST_COMMON = 3.0  # of them, however few there are
_SHARED = 0.1  # share of its rare words that a response off its topic may share by chance
_AGREEING = 0.25  # share of its rare words that an answer on the topic has in common with others

Sketches = npt.NDArray[np.uint64]


def sketches_of(texts: Sequence[Sequence[str]]) -> Sketches:
    """Return the 8 least hashes of each text's runs of words, (texts, 8); 0 for those that a short
    text lacks. `texts` are their words."""
    sketches = np.zeros((len(texts), SKETCH), np.uint64)
    long = [place for place, words in enumerate(texts) if len(words) >= _LEAST_WORDS]
    if not long:
        return sketches
    # All texts at once: a step of numpy costs more than the words of a text.
    words = " ".join(" ".join(texts[place]) for place in long).encode().split()
    codes = np.fromiter(map(crc32, words), np.uint64, len(words))
    lengths = np.array([len(texts[place]) for place in long])
    # Sums with odd factors, modulo 2^64: the order of words counts.
    runs = np.zeros(len(codes) - _RUN + 1, dtype=np.uint64)
    for place, factor in enumerate(_FACTORS):
        runs += codes[place : place + len(runs)] * factor
    runs ^= runs >> np.uint64(29)
    runs *= _FACTORS[0]
    of_text = np.repeat(np.array(long), lengths)
    inside = of_text[: len(runs)] == of_text[_RUN - 1 :]  # the run ends in the text of its start
    runs, of_text = runs[inside], of_text[: len(runs)][inside]
    order = np.lexsort((runs, of_text))
    runs, of_text = runs[order], of_text[order]
    fresh = np.ones(len(runs), bool)
    fresh[1:] = (runs[1:] != runs[:-1]) | (of_text[1:] != of_text[:-1])
    runs, of_text = runs[fresh], of_text[fresh]
    starts = np.flatnonzero(np.concatenate([[True], of_text[1:] != of_text[:-1]]))
    rank = np.arange(len(runs)) - np.repeat(starts, np.diff([*starts, len(runs)]))
    least = rank < SKETCH
    sketches[of_text[least], rank[least]] = runs[least]
    return sketches


def repeated(sketches: Sketches, prompts: npt.NDArray[np.int32]) -> Sketches:
    """Return for each response the hash by which its group goes, (n,): the least hash of its sketch
    that stands in responses to `_LEAST_PROMPTS` prompts or more; 0 where fewer than 5 of its hashes
    do.

    `sketches` is (n, 8), `prompts` (n,) numbers each response's prompt.
    """
    common = _common_hashes(sketches, prompts)
    groups = np.zeros(len(sketches), np.uint64)
    for start in range(0, len(sketches) if len(common) else 0, _AT_ONCE):
        some = sketches[start : start + _AT_ONCE]
        shared = _are_among(some, common)
        least = np.where(shared, some, np.uint64(2**64 - 1)).min(axis=1)
        enough = shared.sum(axis=1) >= _LEAST_SHARED
        groups[start : start + _AT_ONCE] = np.where(enough, least, np.uint64(0))
    return groups


def _common_hashes(sketches: Sketches, prompts: npt.NDArray[np.int32]) -> Sketches:
    """Return the hashes that stand in responses to `_LEAST_PROMPTS` prompts or more, sorted.

    They are counted part by part, by their last bits, to bound memory: the first are alike, since
    sketches are of the least hashes.
    """
    parts = 1 << (sketches.size // _HASHES_AT_ONCE).bit_length()
    common = [_common_of_part(sketches, prompts, part, parts) for part in range(parts)]
    return np.sort(np.concatenate(common))


def _common_of_part(
    sketches: Sketches, prompts: npt.NDArray[np.int32], part: int, parts: int
) -> Sketches:
    last_bits, number = np.uint64(parts - 1), np.uint64(part)
    hashes, numbers = [sketches[:0, 0]], [prompts[:0]]
    for start in range(0, len(sketches), _AT_ONCE):
        some = sketches[start : start + _AT_ONCE]
        rows, columns = np.nonzero(((some & last_bits) == number) & (some > 0))
        hashes.append(some[rows, columns])
        numbers.append(prompts[start + rows])
    standing, of_prompts = np.concatenate(hashes), np.concatenate(numbers)
    # First those that stand often enough at all, whatever the prompts: few of all.
    ordered = np.sort(standing)
    again = ordered[_LEAST_PROMPTS - 1 :] == ordered[: 1 - _LEAST_PROMPTS]
    often = _are_among(standing, np.unique(ordered[_LEAST_PROMPTS - 1 :][again]))
    standing, of_prompts = standing[often], of_prompts[often]
    order = np.lexsort((of_prompts, standing))
    standing, of_prompts = standing[order], of_prompts[order]
    fresh = np.ones(len(standing), dtype=bool)
    fresh[1:] = (standing[1:] != standing[:-1]) | (of_prompts[1:] != of_prompts[:-1])
    values, counts = np.unique(standing[fresh], return_counts=True)
    return values[counts >= _LEAST_PROMPTS]


def _are_among(hashes: Sketches, known: Sketches) -> npt.NDArray[np.bool_]:
    """Return which hashes, of any shape, are among the `known` ones, which are sorted."""
    if not len(known):
        return np.zeros(hashes.shape, bool)
    at = np.minimum(np.searchsorted(known, hashes), len(known) - 1)
    are_known: npt.NDArray[np.bool_] = known[at] == hashes
    return are_known


def are_unrelated(vocabularies: Sequence[Set[int]]) -> bool:
    """Return whether prompts, by hashes of their words, have little to do with each other: the
    median share of common words (Jaccard) over pairs is small. Prompts of one template are
    related."""
    compared = vocabularies[:MOST_COMPARED]
    shares = [
        len(first & second) / max(1, len(first | second))
        for place, first in enumerate(compared)
        for second in compared[place + 1 :]
    ]
    return len(compared) >= _LEAST_PROMPTS and float(np.median(shares)) < _RELATED


def common_words(vocabularies: Iterable[frozenset[str]]) -> frozenset[str]:
    """Return the words of more than one response in 50, which say nothing about a topic."""
    counts: Counter[str] = Counter()
    number = 0
    for vocabulary in vocabularies:
        counts.update(vocabulary)
        number += 1
    least = max(_LEAST_COMMON, _COMMON * number)
    return frozenset(word for word, count in counts.items() if count > least)


def off_topic(
    prompt: frozenset[str], responses: Sequence[frozenset[str]], common: frozenset[str]
) -> list[int]:
    """Return the places of the responses to one prompt that are off its topic.

    All are vocabularies; `common` words say nothing about a topic.
    """
    rare_of_prompt = _rare(prompt, common)
    if not rare_of_prompt or not any(map(rare_of_prompt.isdisjoint, responses)):
        return []  # as for nearly every prompt
    rare = [_rare(response, common) for response in responses]
    holders = Counter(word for words in rare for word in words)
    shared = [sum(holders[word] > 1 for word in words) for words in rare]
    agreeing = sum(
        count >= _AGREEING * len(words) > 0 for count, words in zip(shared, rare, strict=True)
    )
    if agreeing < _LEAST_OTHERS:
        return []
    return [
        place
        for place, words in enumerate(rare)
        if len(words) >= _LEAST_RARE
        and not responses[place] & rare_of_prompt
        and shared[place] <= _SHARED * len(words)
    ]


def _rare(words: frozenset[str], common: frozenset[str]) -> frozenset[str]:
    return frozenset(
        word
        for word in words - common
        if len(word) >= _LEAST_LETTERS and word.isalpha() and word.isascii()
    )
