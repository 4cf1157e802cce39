"""A verdict in one letter, and its probability."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from prefline.llm import Reply
from tasks.judge.ruling import Side, Verdict

Candidates = Sequence[tuple[str, float]]

LETTERS = ("A", "B")
TIE = "C"
TOP = 10  # candidates of the answer token; vendors give 5 to 20 at most
_VERDICT = re.compile(r"(?<![A-Za-z])([ABC])(?![A-Za-z'\u2019])")
# Letters that are named to say that they are not the verdict.
_BEATEN = re.compile(
    r"\b(?:better than|worse is|rather than|instead of|over|beats|not)\s+(?:answer\s+)?([ABC])\b"
    r"|(?<![A-Za-z])([ABC])\s+(?:is|was)\s+(?:wrong|worse|incorrect|weaker|false|not)\b"
)
_SIDES: dict[str, Side] = {LETTERS[0]: "first", LETTERS[1]: "second", TIE: "tie"}


def read_letter(reply: Reply, *, ties: bool = False) -> Verdict:
    """The last letter offered binds; its probability comes from the token's candidates.

    A reply without one is invalid, with the reply kept as its rationale.
    """
    text = _BEATEN.sub(" ", reply.text)
    offered = [one for one in _VERDICT.findall(text) if ties or one != TIE]
    if not offered:
        return Verdict("invalid", None, reply.text)
    return Verdict(_SIDES[offered[-1]], p_first_of(reply.top_logprobs))


def p_first_of(tokens: Sequence[Candidates]) -> float | None:
    """P(first) by softmax over the two letters at the token that gave the verdict.

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


def _verdict_token(tokens: Sequence[Candidates]) -> Candidates | None:
    """The last token whose likeliest candidate is a letter, since the last verdict binds; else
    the first one that has a letter among its candidates."""
    offers = [one for one in tokens if any(_mass(letter, one) for letter in LETTERS)]
    given = [one for one in offers if _letter(max(one, key=lambda c: c[1])[0]) in _SIDES]
    return given[-1] if given else next(iter(offers), None)


def _mass(letter: str, candidates: Candidates) -> float:
    return sum(math.exp(logprob) for token, logprob in candidates if _letter(token) == letter)


def _letter(token: str) -> str:
    return token.strip(" \t\n.:*()[]\"'▁Ġ").upper()
