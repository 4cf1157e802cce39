"""Answers that do not address their prompt, where the other answers to it make this safe to tell.

A response is off its topic only if it is long, shares not one rare word with the prompt or with any
other response to it, and those others do: an honest answer that is unlike the others still
names something that the prompt or one of them does. Without other answers nothing is said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

_LEAST_OTHERS = 3
_LEAST_WORDS = 8  # rare words that a response must have
_LEAST_LETTERS = 4
_COMMON = 0.02  # share of responses from which on a word is common
_LEAST_COMMON = 3.0  # of them, however few there are
_SHARED = 0.1  # share of its rare words that a response off its topic may share by chance
_AGREEING = 0.25  # share of its rare words that an answer on the topic has in common with others


def common_words(vocabularies: Iterable[frozenset[str]]) -> frozenset[str]:
    """The words of more than one response in 50, which say nothing about a topic."""
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
    """The places of the responses to one prompt that are off its topic."""
    rare = [_rare(response, common) for response in responses]
    asked = _rare(prompt, common)
    holders = Counter(word for words in rare for word in words)
    shared = [sum(holders[word] > 1 for word in words) for words in rare]
    agreeing = sum(
        count >= _AGREEING * len(words) > 0 for count, words in zip(shared, rare, strict=True)
    )
    if agreeing < _LEAST_OTHERS or not asked:
        return []
    return [
        at
        for at, words in enumerate(rare)
        if len(words) >= _LEAST_WORDS
        and not responses[at] & asked
        and shared[at] <= _SHARED * len(words)
    ]


def _rare(words: frozenset[str], common: frozenset[str]) -> frozenset[str]:
    return frozenset(
        [
            word
            for word in words - common
            if len(word) >= _LEAST_LETTERS and word.isalpha() and word.isascii()
        ]
    )
