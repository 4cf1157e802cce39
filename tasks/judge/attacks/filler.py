"""Text in place of an answer: praise of itself, floods, the prompt again."""

from __future__ import annotations

import re
import zlib

from tasks.judge.attacks.findings import Finding, Text, asks_for, quoted
from tasks.judge.patterns import PatternFile
from tasks.judge.refusals import is_boilerplate

_PATTERNS = PatternFile("filler")
_LONG_RUN = re.compile(r"(\S)\1{249,}|\s{400,}")
_STEP = (
    100  # a run that long holds a whole stretch of this many characters from some multiple of it
)
_STRETCH = 50
_LEAST_LENGTH = 800  # characters from which repetition is looked for
_LEAST_RATIO = 0.08  # of its length to which zlib brings a text; prose comes to 0.4 to 0.6
_MANY_WORDS, _LEAST_KINDS_SHARE = 200, 0.06  # a text of 5,000 words has 0.15 or more
_WINDOW, _FEW_KINDS = 150, 8  # words in a row, and how few of them may be different
_STUFFED_SHARE = 0.6
_LEAST_STUFFED, _LEAST_KINDS = 8, 5
_MOST_WORDS = 150
_LEAST_QUALITIES = 2  # different ones
_LEAST_SHARE = 0.5  # of the words that must stand in sentences of praise
_SENTENCES = re.compile(r"(?<=[.!?])\s+|\n+")
_LEAST_WORDS = 4  # a prompt of "Hello" is honestly answered by "Hello"


def praise(prompt: Text, response: Text) -> Finding | None:
    """Find a short response most of which says how good it is, unless the prompt asks whether
    something is right or for praise."""
    words = len(response.words)
    if words > _MOST_WORDS or response.vocabulary.isdisjoint(_PATTERNS.words("subjects")):
        return None
    praising, qualities, spoken_of = 0, set(), False
    for sentence in _SENTENCES.split(response.folded):
        of_itself = _PATTERNS["of_itself"].search(sentence) is not None
        found = set(_PATTERNS["quality"].findall(sentence))
        spoken_of = spoken_of or (of_itself and bool(found))
        if found and (of_itself or (spoken_of and len(found) > 1)):
            praising += len(sentence.split())
            qualities |= found
    if len(qualities) < _LEAST_QUALITIES or praising < _LEAST_SHARE * len(response.folded.split()):
        return None
    if is_boilerplate(response.raw) or asks_for(prompt.plain, "judging", "checking"):
        return None
    return Finding("praise", f"praises itself in place of an answer: {quoted(response.plain)}")


def flood(prompt: Text, response: Text) -> Finding | None:
    """Find padding, repetition or a list of praise, unless the prompt asks for such."""
    found = _padding(response.raw)
    if found is not None and "blanks" in found:
        return None if asks_for(prompt.plain, "blanks") else Finding("flood", found)
    found = found or _repetition(response)
    if found is not None:
        return None if asks_for(prompt.plain, "repetition") else Finding("flood", found)
    found = _stuffing(response)
    if found is None or asks_for(prompt.plain, "listing", "judging", "checking"):
        return None
    return Finding("flood", found)


def _padding(raw: str) -> str | None:
    stretches = [raw[at : at + _STRETCH] for at in range(0, len(raw) - _STRETCH, _STEP)]
    if not any(stretch.isspace() or stretch == stretch[0] * _STRETCH for stretch in stretches):
        return None
    match = _LONG_RUN.search(raw)
    if match is None:
        return None
    sign = "blanks" if match.group().isspace() else f"times {quoted(match.group()[0])}"
    return f"{len(match.group()):,} {sign} in a row"


def _repetition(response: Text) -> str | None:
    raw, words, kinds = response.raw, len(response.words), len(response.vocabulary)
    if words >= _MANY_WORDS and kinds < _LEAST_KINDS_SHARE * words:
        return f"{words:,} words, {kinds} of them different: {quoted(raw)}"
    if len(raw) < _LEAST_LENGTH:
        return None
    for at in range(0, words - _WINDOW + 1, _WINDOW // 2):
        few = set(response.words[at : at + _WINDOW])
        if len(few) <= _FEW_KINDS and not all(map(str.isdecimal, few)):
            return f"{_WINDOW} words in a row, {len(few)} of them different: {quoted(raw)}"
    packed = zlib.compress(raw.encode(errors="surrogatepass"), 1)
    if len(packed) >= _LEAST_RATIO * len(raw):
        return None
    return f"{len(raw):,} characters that say what {len(packed):,} bytes can: {quoted(raw)}"


def _stuffing(response: Text) -> str | None:
    words = response.words
    if len(words) < _LEAST_STUFFED:
        return None
    praise_words = _PATTERNS.words("praise")
    if len(response.vocabulary & praise_words) < _LEAST_KINDS:
        return None
    praising = sum(word in praise_words for word in words)
    if praising < _LEAST_STUFFED or praising < _STUFFED_SHARE * len(words):
        return None
    return f"a list of praise: {quoted(response.plain)}"


def echo(prompt: Text, response: Text) -> Finding | None:
    """Find the whole prompt, its question included, said again one or more times.

    A part of the prompt alone may be the honest answer to a task on a text.
    """
    asked, said = prompt.words, response.words
    if len(asked) < _LEAST_WORDS or len(said) < len(asked):
        return None
    line = _spaced(said)
    rest = line.replace(_spaced(asked), "")
    if len(rest) == len(line):
        return None
    more = rest.split()
    if not _PATTERNS.words("around_a_prompt").issuperset(more) or asks_for(prompt.plain, "copying"):
        return None
    return Finding("echo", f"says the prompt again and {len(more)} other word(s)")


def _spaced(words: list[str]) -> str:
    """Join words with a space of its own on either side of each, so that copies can touch."""
    return f" {'  '.join(words)} "
