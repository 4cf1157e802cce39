"""Planted truth: the quality that a simulated text carries, and what a judge makes of it.

Every simulated response starts with a tag, one word that holds the text's quality and its
length under a checksum. A judge model reads the two tags; tests and benchmarks read them
with the same functions, so the truth is known wherever the text is.
"""

from __future__ import annotations

import hashlib
import math
import re
from dataclasses import dataclass

STEPS_PER_UNIT = 10_000
MAX_QUALITY = 52.0
MAX_LENGTH = 2**20 - 1

_TAG = re.compile(r"zq[a-z2-7]{16}(?![a-z2-7])")
TAG_LENGTH = 18
_QUALITY_ZERO = 2**19
_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
_PAIRS = tuple(first + second for first in _ALPHABET for second in _ALPHABET)
_AS_DIGITS = str.maketrans(_ALPHABET, "0123456789abcdefghijklmnopqrstuv")
# The payload is multiplied by an odd number modulo 2^40 so that a tag looks the same for good
# and bad texts: a model trained on simulated text should not learn to read it.
_SCRAMBLE = 0x9E3779B97F | 1
_UNSCRAMBLE = pow(_SCRAMBLE, -1, 2**40)


@dataclass(frozen=True, slots=True)
class Candidate:
    """What a judge knows of one text: its quality and its length in characters."""

    quality: float
    length: int


@dataclass(frozen=True, slots=True)
class Lean:
    """How a judge decides, in log-odds.

    `sharpness` per unit of quality difference, `position_bias` added for the text shown
    first, `length_bias` per unit of log length ratio.
    """

    sharpness: float = 1.0
    position_bias: float = 0.0
    length_bias: float = 0.0


def rounded_quality(quality: float) -> float:
    """`quality` as a tag can carry it: in steps of 0.0001, within +-52."""
    bounded = max(-MAX_QUALITY, min(MAX_QUALITY, quality))
    return round(bounded * STEPS_PER_UNIT) / STEPS_PER_UNIT


def tag_of(candidate: Candidate) -> str:
    """The tag word, 18 characters: `zq`, then quality, length and checksum in base 32."""
    steps = round(rounded_quality(candidate.quality) * STEPS_PER_UNIT)
    number = (steps + _QUALITY_ZERO) << 20 | min(candidate.length, MAX_LENGTH)
    payload = number * _SCRAMBLE % 2**40
    return "zq" + _letters(payload) + _letters(_checksum(payload))


def candidates_in(text: str) -> list[Candidate]:
    """The tagged texts inside `text`, in order of appearance; false tags are passed over."""
    found = (_read_tag(match) for match in _TAG.findall(text))
    return [candidate for candidate in found if candidate is not None]


def candidate_of(text: str) -> Candidate | None:
    """Quality and recorded length of the first tagged text in `text`; None without a tag."""
    found = candidates_in(text)
    return found[0] if found else None


def quality_of(text: str) -> float | None:
    """The planted quality of a simulated text; None if it carries no tag."""
    candidate = candidate_of(text)
    return None if candidate is None else candidate.quality


def retagged(text: str) -> str:
    """`text`, shortened since it was tagged, with its present length in its tag."""
    candidate = candidate_of(text)
    if candidate is None or not text.startswith("zq"):
        return text
    return tag_of(Candidate(candidate.quality, len(text))) + text[TAG_LENGTH:]


def log_odds_first(first: Candidate, second: Candidate, lean: Lean) -> float:
    """Log-odds that a judge prefers the text shown first.

    sharpness * (q1 - q2) + position_bias + length_bias * ln(length1 / length2)
    """
    ratio = math.log(max(first.length, 1) / max(second.length, 1))
    gap = first.quality - second.quality
    return lean.sharpness * gap + lean.position_bias + lean.length_bias * ratio


def p_first(first: Candidate, second: Candidate, lean: Lean) -> float:
    """Probability that a judge prefers the text shown first: sigmoid of `log_odds_first`."""
    return sigmoid(log_odds_first(first, second, lean))


def sigmoid(log_odds: float) -> float:
    """1 / (1 + exp(-log_odds)), without overflow for any finite log-odds."""
    if log_odds >= 0:
        return 1.0 / (1.0 + math.exp(-log_odds))
    odds = math.exp(log_odds)
    return odds / (1.0 + odds)


def _read_tag(tag: str) -> Candidate | None:
    # Digits of `int` are 0 to 9 and a to v, those of a tag a to z and 2 to 7.
    both = int(tag[2:].translate(_AS_DIGITS), 32)
    payload = both >> 40
    if both & (2**40 - 1) != _checksum(payload):
        return None
    number = payload * _UNSCRAMBLE % 2**40
    steps = (number >> 20) - _QUALITY_ZERO
    return Candidate(steps / STEPS_PER_UNIT, number & MAX_LENGTH)


def _letters(number: int) -> str:
    """40 bits as 8 letters of base 32, two at a time."""
    return (
        _PAIRS[number >> 30]
        + _PAIRS[number >> 20 & 1023]
        + _PAIRS[number >> 10 & 1023]
        + _PAIRS[number & 1023]
    )


def _checksum(payload: int) -> int:
    raw = payload.to_bytes(5, "big")
    return int.from_bytes(hashlib.blake2b(raw, digest_size=5, person=b"prefline").digest(), "big")
