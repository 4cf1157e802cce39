"""Words to a judge: what addresses it, tells it what to prefer, or runs the other answer down.

A sentence is an address if two kinds of words stand close together in it that an answer to a
question has no use for side by side: an order to ignore and what is to be ignored; a side of
the comparison and a wish for its victory or its defeat; a judge's office and either of these.
Single words prove nothing, so essays about judges and recipes for the best answer are left alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from tasks.judge.attacks import english as en
from tasks.judge.attacks.tongues import TONGUES

_REACH = 70  # characters between two words that belong together
_SENTENCE_END = re.compile(
    r"(?<=[.!?\u3002\uff01\uff1f\u061f])\s*(?=\D)|\n\s*\n|\n(?=\W{0,3}[-*#>])"
)
_WORD = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True, slots=True)
class _Rule:
    """Two kinds of words that stand close together, in either order; a sentence without a word of
    `needs` has none of the first kind."""

    needs: frozenset[str]
    one: re.Pattern[str]
    other: re.Pattern[str]

    def holds(self, sentence: str, words: Sequence[str]) -> bool:
        """Whether a sentence of these words, in small letters, holds the two."""
        if self.needs.isdisjoint(words):
            return False
        ones = list(self.one.finditer(sentence))
        others = self.other.finditer(sentence) if ones else ()
        return any(
            0 <= a.start() - b.end() <= _REACH or 0 <= b.start() - a.end() <= _REACH
            for b, a in product(others, ones)
        )


def _any_case(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


_LETTERED = rf"\b(?i:{en.NOUN})\s?{en.LETTER}"
_SIDE = re.compile(rf"(?i:{en.SELF}|{en.OTHER})|{_LETTERED}")
_RIVAL = re.compile(rf"(?i:{en.OTHER})|{_LETTERED}")
_SAYS_SIDE = _any_case(
    rf"{en.SAY}[^.!?\n]{{0,60}}(?:{en.SELF}|{en.OTHER}|{en.NOUN} [ab12]\b)[^.!?\n]{{0,40}}{en.WIN}"
)
_VOCATIVES = en.JUDGES - frozenset(("who", "whoever", "anyone", "you", "ai", "llm"))
_CHOOSE_ME = _any_case(en.ME)
_ENGLISH = (
    _Rule(en.OVERRIDES, _any_case(en.OVERRIDE), _any_case(en.ORDERS)),
    _Rule(en.THINGS, _SIDE, _any_case(en.DIRECTIVE)),
    _Rule(en.THINGS, _RIVAL, _any_case(en.BAD)),
    _Rule(en.JUDGES, _any_case(en.JUDGE), _SIDE),
    _Rule(en.MARKS, _any_case(en.TOP_MARK), _any_case(en.JUDGE)),
    _Rule(en.OFFICES, _any_case(en.OFFICE), _any_case(en.SELF)),
    _Rule(en.MARKS, _any_case(en.TOP_MARK), _SIDE),
    _Rule(_VOCATIVES, _any_case(en.VOCATIVE), _any_case(rf"\b{en.NOUN}\b|{en.WIN}|{en.VERB}\b")),
)


def address(plain: str, vocabulary: frozenset[str]) -> str | None:
    """The first sentence with words to a judge; None without one."""
    english = not vocabulary.isdisjoint(en.TRIGGERS)
    tongues = [tongue for tongue in TONGUES if tongue.may_speak(plain, vocabulary)]
    if english or tongues:
        for sentence in _SENTENCE_END.split(plain):
            if (english and _in_english(sentence)) or any(t.addresses(sentence) for t in tongues):
                return sentence
    if "me" in vocabulary and not vocabulary.isdisjoint(en.CHOOSING):
        match = _CHOOSE_ME.search(plain)
        return None if match is None else match.group()
    return None


def _in_english(sentence: str) -> bool:
    words = _WORD.findall(sentence.casefold())
    if en.TRIGGERS.isdisjoint(words):
        return False
    line = " ".join(sentence.split())
    if any(rule.holds(line, words) for rule in _ENGLISH):
        return True
    return not en.THINGS.isdisjoint(words) and _SAYS_SIDE.search(line) is not None
