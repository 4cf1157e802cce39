"""The judge's own words in a reply: no reasoning, one spelling of each letter, and what it quotes.

Models think in tags before they answer, write letters in full width or with signs that print
nothing between them, and repeat parts of the answers that they judge. Only what is left without
these is read for a verdict.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

# Tags of reasoning as models and their chat templates write them.
_TAG = r"(?:think(?:ing)?|thoughts?|reasoning|analysis|scratchpad)"
_BLOCK = re.compile(rf"<({_TAG})>.*?</\1>|\[THINK\].*?\[/THINK\]", re.IGNORECASE | re.DOTALL)
# Without its end the reply was cut off while the model was thinking.
_UNENDED = re.compile(rf"\A\s*(?:<{_TAG}>|\[THINK\]).*", re.IGNORECASE | re.DOTALL)
# Without its beginning, where a template has put that into the prompt; the tag ends its line, which
# one that is only spoken of does not.
_UNBEGUN = re.compile(rf"\A.*(?:</{_TAG}>|\[/THINK\])[ \t]*(?:\r?\n|\Z)", re.IGNORECASE | re.DOTALL)
_MARKED = re.compile(
    r"\"([^\"\n]{3,})\"|\u201c([^\u201d\n]{3,})\u201d|\u00ab([^\u00bb\n]{3,})\u00bb"
    r"|\u300c([^\u300d\n]{3,})\u300d|`([^`\n]{3,})`|(?<!\w)'([^\n]{3,600}?)'(?!\w)"
    r"|^[ \t]*>[ \t]?([^\n]+)$"
    r"|\[answer \w+[^\]\n]*\]\s(.*?)(?:\[end answer|\Z)",
    re.MULTILINE | re.DOTALL,
)
# Quotation mark and backslashes in full width or small, which inside a string of JSON are text.
_WIDE_SYNTAX = re.compile(r"([\uff02\uff3c\ufe68]+)")
_LEAST_COPIED = 40  # characters that are no chance agreement, without any sign of a quotation
_AROUND = 4 * _LEAST_COPIED  # characters on either side of a verdict that are looked at
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class OwnWords:
    """A reply's `text` without reasoning and in one spelling; `reasoned` says that there was some.

    `candidates` are the judged answers in the same spelling, white space as single blanks.
    """

    text: str
    reasoned: bool
    candidates: tuple[str, ...] = ()
    quotations: tuple[tuple[int, int], ...] = ()

    def is_quoted(self, start: int, end: int) -> bool:
        """Return whether a passage is repeated from a candidate: it lies in a quotation of one, or
        the words around it are copied from one."""
        if any(begin <= start and end <= until for begin, until in self.quotations):
            return True
        if not self.candidates:
            return False
        before = _one_line(self.text[max(0, start - _AROUND) : start])
        after = _one_line(self.text[end : end + _AROUND])
        said = _one_line(self.text[start:end])
        half = _LEAST_COPIED // 2
        windows = (
            (before + said)[-max(_LEAST_COPIED, len(said)) :],
            (said + after)[: max(_LEAST_COPIED, len(said))],
            before[-half:] + said + after[:half],
        )
        return any(
            len(window) >= _LEAST_COPIED and window in candidate
            for window in windows
            for candidate in self.candidates
        )


def own_words(text: str, candidates: Iterable[str] = ()) -> OwnWords:
    """Return the judge's own words in a reply on these candidates' texts."""
    said = without_reasoning(text)
    words = normalised(said)
    if len(words) < _LEAST_COPIED and not _MARKED.search(words):  # as most replies are
        return OwnWords(words.strip(), len(said) < len(text))
    plain = tuple(map(_plain, candidates))
    words = words.strip()
    return OwnWords(words, len(said) < len(text), plain, tuple(_quotations(words, plain)))


def without_reasoning(text: str) -> str:
    """Return a reply without what a model thought in tags before or between its words."""
    if "<" not in text and "[" not in text:
        return text
    if "</" in text or "[/" in text:
        text = _UNBEGUN.sub("", _BLOCK.sub(" ", text))
    return _UNENDED.sub("", text)


def normalised(text: str) -> str:
    """Return a text in one spelling: NFKC, so that full-width and bold letters are letters, and
    without signs that print nothing."""
    if text.isascii():
        return text
    plain = "".join(
        part if number % 2 else unicodedata.normalize("NFKC", part)
        for number, part in enumerate(_WIDE_SYNTAX.split(text))
    )
    return "".join(sign for sign in plain if unicodedata.category(sign) != "Cf")


@lru_cache(maxsize=64)  # scores of one answer are read for each of its pairs, one after another
def _plain(candidate: str) -> str:
    return _one_line(normalised(candidate))


def _one_line(text: str) -> str:
    return _SPACE.sub(" ", text)


def _quotations(words: str, candidates: Sequence[str]) -> Iterable[tuple[int, int]]:
    """Yield where the words quote a candidate, by any sign of quotation."""
    for match in _MARKED.finditer(words):
        number = match.lastindex or 0
        inside = _one_line(match[number]).strip()
        if len(inside) > 1 and any(inside in candidate for candidate in candidates):
            yield match.span(number)
