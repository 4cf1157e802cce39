"""Words to a judge: what addresses it, tells it what to prefer, or runs the other answer down.

A sentence is an address if two kinds of words stand close together in it that an answer to a
question has no use for side by side: an order to ignore and what is to be ignored; a side of
the comparison and a wish for its victory or its defeat; a judge's office and either of these.
Single words prove nothing, so essays about judges and recipes for the best answer are left alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product

from tasks.judge.attacks.findings import Finding, Text, asks_for, quoted
from tasks.judge.patterns import PatternFile, joined, read_wordlist

ENGLISH = PatternFile("english")
_REACH = 70  # characters between two words that belong together
_SENTENCE_END = re.compile(
    r"(?<=[.!?\u3002\uff01\uff1f\u061f])\s*(?=\D)|\n\s*\n|\n(?=\W{0,3}[-*#>])"
)
_WORD = re.compile(r"[^\W\d_]+")
# Two patterns that stand close together, in either order; a sentence without a word of the list
# before them has none of the first.
_RULES = (
    ("overrides", "override", "orders"),
    ("things", "side", "directive"),
    ("things", "rival", "bad"),
    ("judges", "judge", "side"),
    ("marks", "top_mark", "judge"),
    ("offices", "office", "self"),
    ("marks", "top_mark", "side"),
    ("vocatives", "vocative", "task_of_a_judge"),
)


def instruction(prompt: Text, response: Text) -> Finding | None:
    """Find words to the judge, unless the prompt speaks of judging or of injections, or holds such
    words itself (a text to translate, to quote or to put right)."""
    sentence = find_address(response.plain, response.vocabulary)
    if sentence is None or asks_for(prompt.plain, "judging", "injection"):
        return None
    if find_address(prompt.plain, prompt.vocabulary) is not None:
        return None
    return Finding("instruction", f"speaks to the judge: {quoted(sentence)}")


def find_address(plain: str, vocabulary: frozenset[str]) -> str | None:
    """Return the first sentence with words to a judge; None without one."""
    in_english = not vocabulary.isdisjoint(ENGLISH.words("triggers"))
    others = [
        other_language
        for other_language in _other_languages()
        if other_language.may_occur(plain, vocabulary)
    ]
    if in_english or others:
        for sentence in _SENTENCE_END.split(plain):
            if in_english and _is_english_address(sentence):
                return sentence
            if any(language.addresses(sentence) for language in others):
                return sentence
    if "me" in vocabulary and not vocabulary.isdisjoint(ENGLISH.words("choosing")):
        match = ENGLISH["choose_me"].search(plain)
        return None if match is None else match.group()
    return None


def _is_english_address(sentence: str) -> bool:
    words = _WORD.findall(sentence.casefold())
    if ENGLISH.words("triggers").isdisjoint(words):
        return False
    line = " ".join(sentence.split())
    if any(_holds(line, words, *rule) for rule in _RULES):
        return True
    if ENGLISH.words("things").isdisjoint(words):
        return False
    return ENGLISH["says_side"].search(line) is not None


def _holds(line: str, words: Sequence[str], needed: str, first: str, second: str) -> bool:
    """Return whether a sentence of these words, in small letters, holds two patterns together."""
    if ENGLISH.words(needed).isdisjoint(words):
        return False
    firsts = list(ENGLISH[first].finditer(line))
    seconds = ENGLISH[second].finditer(line) if firsts else ()
    return any(
        0 <= a.start() - b.end() <= _REACH or 0 <= b.start() - a.end() <= _REACH
        for b, a in product(seconds, firsts)
    )


@dataclass(frozen=True, slots=True)
class _Language:
    """One language other than English, or a few. `triggers` are words one of which every address
    holds, `script` a sign of its writing where that is not Latin; `rules` are pairs of patterns
    that must both occur."""

    triggers: frozenset[str]
    script: re.Pattern[str] | None
    rules: tuple[tuple[re.Pattern[str], re.Pattern[str]], ...]

    def may_occur(self, text: str, vocabulary: frozenset[str]) -> bool:
        """Return whether a text may be in this language at all: cheap, and never wrong with a
        no."""
        if self.script is None:
            return not vocabulary.isdisjoint(self.triggers)
        return not text.isascii() and self.script.search(text) is not None

    def addresses(self, line: str) -> bool:
        """Return whether the sentence speaks to a judge: an order to ignore stands near what is to
        be ignored, or a side of the comparison beside a wish for its victory or defeat, or a
        judge's office beside a side."""
        return any(first.search(line) and second.search(line) for first, second in self.rules)


@cache
def _other_languages() -> tuple[_Language, ...]:
    return tuple(_language(texts) for texts in read_wordlist("multilingual"))


def _language(texts: Mapping[str, str]) -> _Language:
    def pattern(text: str) -> re.Pattern[str]:
        return re.compile(text, re.IGNORECASE)

    ignore, orders = joined(texts["ignore"]), joined(texts["orders"])
    override = pattern(rf"(?:{ignore}).{{0,40}}(?:{orders})|(?:{orders}).{{0,25}}(?:{ignore})")
    side, wish, judge = (pattern(joined(texts[kind])) for kind in ("side", "wish", "judge"))
    script = re.compile(f"[{texts['script']}]") if "script" in texts else None
    triggers = frozenset(texts.get("triggers", "").split())
    return _Language(triggers, script, ((override, override), (side, wish), (judge, side)))
