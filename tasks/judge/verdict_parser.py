"""Parse a judge's reply: a verdict in one letter with its probability, or a JSON object."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from typing import Any

from prefline.llm import Reply
from tasks.judge.results import Side, Verdict

Candidates = Sequence[tuple[str, float]]

LETTERS = ("A", "B")
TIE = "C"
TOP_LOGPROBS = 10  # candidates of the answer token; vendors give 5 to 20 at most
_VERDICT = re.compile(r"(?<![A-Za-z])([ABC])(?![A-Za-z'\u2019])")
# Letters that are named to say that they are not the verdict.
_BEATEN = re.compile(
    r"\b(?:better than|worse is|rather than|instead of|over|beats|not)\s+(?:answer\s+)?([ABC])\b"
    r"|(?<![A-Za-z])([ABC])\s+(?:is|was)\s+(?:wrong|worse|incorrect|weaker|false|not)\b"
)
_SIDES: dict[str, Side] = {LETTERS[0]: "first", LETTERS[1]: "second", TIE: "tie"}
_DECODER = json.JSONDecoder()
_LONGEST_JSON = 20_000  # characters
_MOST_BEGINNINGS = 200


def letter_for(verdict: str) -> str:
    """Return the letter that stands for a verdict."""
    return {side: letter for letter, side in _SIDES.items()}[verdict]  # type: ignore[index]  # any text


def parse_letter(reply: Reply, *, ties: bool = False) -> Verdict:
    """Return the verdict of a reply: the last letter offered binds, and its probability comes from
    the token's candidates.

    A reply without a letter is invalid, and is kept as the verdict's rationale.
    """
    text = _BEATEN.sub(" ", reply.text)
    offered = [letter for letter in _VERDICT.findall(text) if ties or letter != TIE]
    if not offered:
        return Verdict("invalid", None, reply.text)
    return Verdict(_SIDES[offered[-1]], p_first_of(reply.top_logprobs))


def p_first_of(tokens: Sequence[Candidates]) -> float | None:
    """Return P(first) by softmax over the two letters at the token that gave the verdict.

    RLAIF (Lee et al. 2023, arXiv 2309.00267): p = e^a / (e^a + e^b) with the
    log-probabilities of the two answers; spellings of a letter (" A", "a") add up. A letter
    that is not among the candidates has at most the probability of the least of them,
    which is taken for it. None where the endpoint gave no log-probabilities.
    """
    candidates = _verdict_token(tokens)
    if candidates is None:
        return None
    least = math.exp(min(logprob for _, logprob in candidates))
    first, second = (_mass(letter, candidates) or least for letter in LETTERS)
    return first / (first + second)


def parse_last_object(text: str) -> dict[str, Any] | None:
    """Return the last JSON object in a text that is not inside another one; None without one.

    Only the text's end is looked at, and a bounded number of beginnings, so that no reply takes
    long: a score card is short.
    """
    text = text[-_LONGEST_JSON:]
    last, at = None, text.find("{")
    for _ in range(_MOST_BEGINNINGS):
        if at < 0:
            break
        try:
            value, end = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError):  # ValueError: no JSON, or an endless number
            end = at + 1
        else:
            last = value
        at = text.find("{", end)
    return last


def _verdict_token(tokens: Sequence[Candidates]) -> Candidates | None:
    """Return the last token whose likeliest candidate is a letter, since the last verdict binds;
    else the first one that has a letter among its candidates."""
    offering = [token for token in tokens if any(_mass(letter, token) for letter in LETTERS)]
    certain = [token for token in offering if _letter(max(token, key=lambda c: c[1])[0]) in _SIDES]
    return certain[-1] if certain else next(iter(offering), None)


def _mass(letter: str, candidates: Candidates) -> float:
    return sum(math.exp(logprob) for token, logprob in candidates if _letter(token) == letter)


def _letter(token: str) -> str:
    return token.strip(" \t\n.:*()[]\"'▁Ġ").upper()
