"""Parse a judge's reply, whatever its method: a letter, a JSON object, scores, or a ranking.

One rule for all: of the judge's own words (`own_words.py`) the last complete verdict binds. What
only names a letter ("Answer A says ...") is no verdict where both are named; a reply that was cut
off is none before its verdict is complete ("A better answer would", cut at four tokens).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from prefline.llm import Reply
from tasks.judge.own_words import OwnWords, own_words
from tasks.judge.results import InvalidReason, Side, Verdict

Candidates = Sequence[tuple[str, float]]

LETTERS = ("A", "B")
TIE = "C"
TOP_LOGPROBS = 10  # candidates of the answer token; vendors give 5 to 20 at most
VERDICT_KEY = "verdict"
RANKING_KEY = "ranking"
_SIDES: dict[str, Side] = {LETTERS[0]: "first", LETTERS[1]: "second", TIE: "tie"}
_WORDS = {side: letter for letter, side in _SIDES.items()} | {"a": "A", "b": "B", "c": "C"}
_KEYS = frozenset(
    {VERDICT_KEY, "final_verdict", "winner", "better", "better_answer", "best", "best_answer",
     "preferred", "preference", "choice", "decision", "answer"}
)  # fmt: skip
_CUT_OFF = ("length", "reasoning_only")
_WITHHELD: dict[str, InvalidReason] = {"content_filter": "content_filter", "refusal": "refusal"}

_NOUN = r"(?:answer|response|reply|output|option|candidate|completion|assistant|model)"
_SIGNS = r"[\s*_\"'`(\[{#\u201c\u3010]*"
_LETTER = r"(?<![A-Za-z0-9])([A-Ca-c])(?![A-Za-z0-9]|['\u2019.-]\w)"
_PICK = rf"(?:the\s+)?(?:{_NOUN}\s+)?{_SIGNS}{_LETTER}"
_ADVERBS = r"(?:(?:clearly|much|far|by far|definitely|simply|slightly|overall|also)\s+)*"
# What follows a letter where that is a verdict, and not the article "A".
_VERBS = (
    r"(?:is|was|are|be|wins?|won|has|had|does|did|beats?|seems|looks|would|will|can|should|gives?"
    r"|because|since|as|over|than|and|but|or|for|by|due|it|if|which|who|outperforms|provides|answers)"
)
_ARTICLE = re.compile(rf"\s+(?!{_VERBS}\b)[a-z]")
_BEATEN = re.compile(
    r"\b(?i:better than|worse is|rather than|instead of|over|beats|outperforms|not|nor|neither)\s+"
    rf"(?i:{_NOUN}\s+)?([ABC])\b"
    r"|(?<![A-Za-z])([ABC])\s+(?:is|was)\s+(?:wrong|worse|incorrect|weaker|false|not)\b",
)
_HYPOTHETICAL = re.compile(
    r"(?:\b(?:if|whether|unless|not|never|cannot)|n't)[ \t]+(?:\w+[ \t]+){0,2}$", re.IGNORECASE
)
# Forms that say a verdict and nothing else: also those of a reply that was cut off later.
_FINAL = tuple(
    re.compile(pattern, re.IGNORECASE | re.MULTILINE)
    for pattern in (
        rf"[\[\u3010]\[?\s*(?:{_NOUN}\s+)?{_LETTER}\s*\]?[\]\u3011]",
        rf"\\boxed\{{\s*(?:\\text\{{)?{_LETTER}",
        rf"<(?:\w*verdict|winner|choice|answer|preference|better)>\s*(?:{_NOUN}\s+)?{_LETTER}",
        rf"(?:\b(?:verdict|winner|preferred|preference|choice|decision|judge?ment|better|best"
        rf"|(?:my|final) (?:answer|pick))\b|^{_SIGNS}(?:answer|response|option)\b)"
        rf"[^\n.:=]{{0,24}}?(?:\bis\b|:|=|->|\u2192){_SIGNS}{_PICK}(?!\s*(?:or|/)\s*[A-C]\b)",
    )
)
_NOTHING_ELSE = re.compile(r"[\s*\"'(\[]*([ABC])[\s*\"')\].:]*")
_OPENING = re.compile(rf"\A{_SIGNS}(?:{_NOUN}\s+)?{_LETTER}", re.IGNORECASE)
_SAID = tuple(
    re.compile(pattern, re.IGNORECASE | re.MULTILINE)
    for pattern in (
        rf"\b(?:I|we)\b[^\n.]{{0,30}}?\b(?:choose|chose|pick|picked|prefer|select|favou?r"
        rf"|go with|vote for)\s+{_PICK}",
        rf"(?:\b{_NOUN}\s+)?{_LETTER}[\s*_]+(?:is|was|seems|looks|would be)\s+{_ADVERBS}"
        rf"(?:the\s+)?(?:better|best|superior|stronger|preferable|preferred|winner|more\s+\w+)\b",
        rf"(?:\b{_NOUN}\s+)?{_LETTER}[\s*_]+(?:wins|beats|outperforms|over)\b",
        rf"(?:^|[.:;!?])[ \t*_]*(?:{_NOUN}\s+)?{_LETTER}[\s*_,\u2013-]+(?:because|since|as)\b",
    )
)
_ALONE = re.compile(
    rf"(?:^|[\n.:;!?\u2014])[ \t*_\"'`(\[]*(?:{_NOUN}\s+)?{_LETTER}[*_\"'`)\]]*[ \t]*"
    rf"(?=$|[\n.;!?\u2014])|,\s*(?:{_NOUN}\s+)?{_LETTER}\W*\Z",
    re.IGNORECASE | re.MULTILINE,
)
_LOOK_BACK = 60  # characters before a letter
_HEADING = re.compile(rf"^[ \t*_#]*(?:{_NOUN}\s+)?([ABC])[*_]*[:)][*_]*[ \t]+(?=\S)", re.MULTILINE)
_COMPARED = re.compile(r"(?<![A-Za-z])([ABC])\s*(>{1,2}|<{1,2})\s*([ABC])(?![A-Za-z])")
_EQUAL = re.compile(r"(?<![A-Za-z])A\s*=\s*B(?![A-Za-z])|(?<![A-Za-z])B\s*=\s*A(?![A-Za-z])")
_MENTION = re.compile(r"(?<![A-Za-z0-9])([ABC])(?![A-Za-z0-9]|['\u2019]\w)")
_REPORTS = (
    r"\s+(?:says?|states?|claims?|answers?|writes?|concludes?|picks?|chooses|gives|replies|selects"
    r"|ends with)\b"
)
_SAYS_LETTER = re.compile(
    rf"\b(?:{_NOUN}s?\s+\(?\w\)?|it|which|who){_REPORTS}[^\n.,;]{{0,40}}?\b((?-i:[A-C]))\b",
    re.IGNORECASE,
)
_REPORTED = re.compile(rf"[*_\"')]*{_REPORTS}", re.IGNORECASE)
_MARKS = re.compile(r"\[(?:end )?(?:answer|question)\b[^\]\n]{0,40}\]", re.IGNORECASE)
_UNENDED_JSON = re.compile(r"\{\s*\"[^{}]*\Z")

_DECODER = json.JSONDecoder()
_LONGEST_JSON = 20_000  # characters
_MOST_BEGINNINGS = 200
_RANKING = re.compile(r"\[?\b\d{1,3}\b\]?(?:\s*[>=]\s*\[?\b\d{1,3}\b\]?)+")
_PART = re.compile(r"(\d+)|(>)")


def letter_for(verdict: str) -> str:
    """Return the letter that stands for a verdict."""
    return _WORDS[verdict]


def parse_letter(reply: Reply, *, ties: bool = False, candidates: Iterable[str] = ()) -> Verdict:
    """Return the verdict of a reply on the candidates' texts, and its probability from the
    candidates of the verdict's token.

    A reply without a complete verdict is invalid, for a reason, and is kept as its rationale.
    """
    ending, offered = _ending(reply), "ABC" if ties else "AB"
    alone = _NOTHING_ELSE.fullmatch(reply.text) if ending == "whole" else None
    if alone and alone[1] in offered:  # as nearly every reply is
        return Verdict(_SIDES[alone[1]], p_first_of(reply.top_logprobs, alone[1]))
    words = own_words(reply.text, candidates)
    letter = _read_letter(words, ending, offered)
    if letter is None:
        return invalid(reply, words, reply.text)
    return Verdict(_SIDES[letter], p_first_of(reply.top_logprobs, letter))


def is_cut_off(verdict: Verdict) -> bool:
    """Return whether a verdict may have been under way when its reply ended. Reasoning alone is
    none: how much longer it would have gone on nobody knows."""
    return verdict.reason == "cut_off"


def invalid(reply: Reply, words: OwnWords, rationale: str) -> Verdict:
    """Return the invalid verdict of a reply that says none, with the reason."""
    reason: InvalidReason = "no_verdict"
    if reply.finish_reason in _WITHHELD:
        reason = _WITHHELD[reply.finish_reason]
    elif not words.text and (words.reasoned or reply.finish_reason == "reasoning_only"):
        reason = "reasoning_only"
    elif reply.finish_reason in _CUT_OFF:
        reason = "cut_off"
    elif not words.text:
        reason = "empty"
    return Verdict("invalid", None, rationale, reason)


# Letters


_Ending = Literal["whole", "cut", "one_token"]


def _ending(reply: Reply) -> _Ending:
    if reply.finish_reason not in (*_CUT_OFF, *_WITHHELD):
        return "whole"
    return "one_token" if reply.request.sampling.max_tokens == 1 else "cut"


@dataclass(frozen=True, slots=True)
class _Said:
    """A letter that a text says at a place."""

    start: int
    end: int
    letter: str


def _read_letter(words: OwnWords, ending: _Ending, offered: str) -> str | None:
    """Return the letter of the last complete verdict among those offered, None without one."""
    text, said = words.text, list[_Said]()
    for start, end, value in _objects(text):
        if (letter := _letter_in(value)) is not None:
            said.append(_Said(start, end, letter))
        text = text[:start] + " " * (end - start) + text[end:]  # its strings are no verdict
    if ending != "whole":
        text = _UNENDED_JSON.sub("", text)
    if "[end " in text.casefold():  # else "[Answer B]" is said by the judge
        text = _MARKS.sub(lambda match: " " * len(match[0]), text)
    text = _SAYS_LETTER.sub(_blank_letter, _BEATEN.sub(_blank_letter, text))
    said += _explicit(text, ending)
    said = [
        one for one in said if one.letter in offered and not words.is_quoted(one.start, one.end)
    ]
    if said:
        return max(said, key=lambda one: (one.start, one.end)).letter
    if ending != "whole":
        return None
    for pattern in (_HEADING, _MENTION):
        named = {
            match[1]
            for match in pattern.finditer(text)
            if match[1] in offered
            and not _is_no_verdict(text, *match.span(1))
            and not _REPORTED.match(text, match.end(1))
            and not words.is_quoted(*match.span(1))
        }
        if len(named) == 1:
            return named.pop()
    return None


def _explicit(text: str, ending: _Ending) -> Iterator[_Said]:
    """Yield the letters that a text says as a verdict. Of one that was cut off only what it opens
    with and what can be nothing but a verdict: whatever is said on the way may be overruled."""
    for pattern in (*_FINAL, _OPENING, *(() if ending != "whole" else (*_SAID, _ALONE))):
        for match in pattern.finditer(text):
            start, end = match.span(match.lastindex or 1)
            if pattern is _OPENING and not _opens(text, match, end, ending):
                continue
            at_its_end = not text[end:].strip() and ending == "cut" and pattern is not _FINAL[0]
            if not (at_its_end or _is_no_verdict(text, start, end)):
                yield _Said(start, end, text[start].upper())
    if ending == "whole":
        for match in _EQUAL.finditer(text) if "=" in text else ():
            yield _Said(*match.span(), TIE)
        for match in _COMPARED.finditer(text) if ">" in text or "<" in text else ():
            yield _Said(*match.span(), match[1] if ">" in match[2] else match[3])


def _opens(text: str, match: re.Match[str], end: int, ending: _Ending) -> bool:
    """Return whether a text opens with a letter as its verdict: alone, or with reasons for it."""
    rest = text[end:]
    bare = rest.lstrip("*_\"'`)]} \t")
    if not rest.strip() or bare[:1] in ("", "\n", ".", "!", ";", "\u2014"):
        return True
    if bare[:1] in (",", "-", "\u2013") or re.match(r"(?:because|since|as|due)\b", bare):
        return text[match.start(1)].isupper()
    verdict = any(p.match(text, match.start()) or p.match(text, match.start(1)) for p in _SAID[1:])
    return verdict and ending != "whole"


def _is_no_verdict(text: str, start: int, end: int) -> bool:
    """Return whether a letter is the article of "A better answer" or "a better one", or is said
    under a condition or denied."""
    if _HYPOTHETICAL.search(text[max(0, start - _LOOK_BACK) : start]):
        return True
    if text[start] not in "Aa" or not _ARTICLE.match(text, end):
        return False
    before = text[:start].rstrip(" \t*_\"'`([")
    return text[start] == "a" or not before or before[-1] in "\n.:;!?\u2014"


def _blank_letter(match: re.Match[str]) -> str:
    """Return a match with the letter in it blanked out."""
    number = match.lastindex or 0
    start, end = (place - match.start() for place in match.span(number))
    return match[0][:start] + "_" + match[0][end:]


def _letter_in(value: dict[str, Any]) -> str | None:
    """Return the letter that an object gives as its verdict."""
    for key, said in value.items():
        if isinstance(said, str) and _plain_key(key) in _KEYS:
            word = re.sub(rf"\b(?:the|{_NOUN})\b|[^a-z]", "", said.casefold())
            if word in _WORDS:
                return _WORDS[word]
    return None


def p_first_of(tokens: Sequence[Candidates], letter: str | None = None) -> float | None:
    """Return P(first) by softmax over the two letters at the token that gave the verdict `letter`.

    RLAIF (Lee et al. 2023, arXiv 2309.00267): p = e^a / (e^a + e^b) with the
    log-probabilities of the two answers; spellings of a letter (" A", "a") add up. A letter
    that is not among the candidates has at most the probability of the least of them,
    which is taken for it. None where the endpoint gave no log-probabilities.
    """
    offering = [(token, masses) for token in tokens if (masses := _masses(token))]
    if not offering:
        return None
    candidates, masses = _verdict_token(offering, letter)
    least = math.exp(min([logprob for _, logprob in candidates]))
    first, second = [masses.get(letter) or least for letter in LETTERS]
    return first / (first + second)


_Masses = dict[str, float]


def _verdict_token(
    offering: Sequence[tuple[Candidates, _Masses]], letter: str | None
) -> tuple[Candidates, _Masses]:
    """Return the last token whose likeliest candidate is the verdict; else the last one whose
    likeliest is a letter; else the first one, of those that have a letter among their
    candidates."""
    if len(offering) == 1:
        return offering[0]
    likeliest = [_letter(max(token, key=lambda c: c[1])[0]) for token, _ in offering]
    for wanted in ((letter,), _SIDES):
        for likely, one in zip(reversed(likeliest), reversed(offering), strict=True):
            if likely in wanted:
                return one
    return offering[0]


def _masses(candidates: Candidates) -> _Masses:
    """Return the probability of each of the two letters, in all of its spellings; nothing where
    neither has any."""
    masses: _Masses = {}
    for token, logprob in candidates:
        if (letter := _letter(token)) in LETTERS:
            masses[letter] = masses.get(letter, 0.0) + math.exp(logprob)
    return masses if any(masses.values()) else {}


@lru_cache(maxsize=1_024)
def _letter(token: str) -> str:
    return token.strip(" \t\n.:*()[]\"'▁Ġ").upper()


# Objects and rankings


def parse_objects(words: OwnWords) -> list[dict[str, Any]]:
    """Return the JSON objects of a reply that are not inside another one nor copied from a
    candidate, the last first; keys in lower case, with `_` between words."""
    return [
        {_plain_key(key): item for key, item in value.items()}
        for start, end, value in reversed(list(_objects(words.text)))
        if not words.is_quoted(start, end)
    ]


def _objects(text: str) -> Iterator[tuple[int, int, dict[str, Any]]]:
    """Yield (start, end, object) for each JSON object in a text that is not inside another one.

    Only the text's end is looked at, and a bounded number of beginnings, so that no reply takes
    long: a score card is short.
    """
    at = text.find("{", max(0, len(text) - _LONGEST_JSON))
    for _ in range(_MOST_BEGINNINGS):
        if at < 0:
            return
        try:
            value, end = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError):  # ValueError: no JSON, or an endless number
            end = at + 1
        else:
            yield at, end, value
        at = text.find("{", end)


def _plain_key(key: str) -> str:
    return re.sub(r"[\s-]+", "_", key.strip().casefold())


def parse_ranking(words: OwnWords, count: int) -> list[int] | None:
    """Return the rank of each answer, 1 the best and equal for equally good ones, by the last
    complete ranking in a reply: one that names every number from 1 to `count` once."""
    said = [
        (match.start(), match.group())
        for match in _RANKING.finditer(words.text)
        if not words.is_quoted(*match.span())
    ]
    said += [
        (start, _chain(value[RANKING_KEY]))
        for start, _, value in _objects(words.text)
        if RANKING_KEY in value
    ]
    ranks = (_ranks(chain, count) for _, chain in sorted(said, reverse=True))
    return next(filter(None, ranks), None)


def _chain(said: object) -> str:
    if isinstance(said, list):
        return " > ".join(
            " = ".join(map(str, item)) if isinstance(item, list) else str(item) for item in said
        )
    return str(said)


def _ranks(chain: str, count: int) -> list[int] | None:
    rank, ranks = 1, dict[int, int]()
    for number, worse in _PART.findall(chain):
        if worse:
            rank += 1
        elif int(number) in ranks:
            return None
        else:
            ranks[int(number)] = rank
    if sorted(ranks) != list(range(1, count + 1)):
        return None
    return [ranks[number] for number in sorted(ranks)]
