"""Planted truth: the quality that a simulated text carries, and the accuracy of judges on it.

Every simulated response starts with a tag, one word that holds the text's quality and its
length under a checksum. A judge model reads the two tags; tests and benchmarks read them
with the same functions, so the truth is known wherever the text is. All draws are
functions of a key, so that a simulated run can be repeated.
"""

from __future__ import annotations

import hashlib
import math
import re
import struct
from dataclasses import dataclass, replace
from itertools import product
from statistics import NormalDist

from pydantic import ConfigDict

from prefline.errors import ParamsError

STEPS_PER_UNIT = 10_000
MAX_QUALITY = 52.0
MAX_LENGTH = 2**20 - 1
TAG_LENGTH = 18

_TAG = re.compile(r"zq[a-z2-7]{16}(?![a-z2-7])")
_QUALITY_ZERO = 2**19
_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
_LETTER_PAIRS = tuple(first + second for first in _ALPHABET for second in _ALPHABET)
_AS_DIGITS = str.maketrans(_ALPHABET, "0123456789abcdefghijklmnopqrstuv")
# The payload is multiplied by an odd number modulo 2^40 so that a tag looks the same for good
# and bad texts: a model trained on simulated text should not learn to read it.
_SCRAMBLE = 0x9E3779B97F | 1
_UNSCRAMBLE = pow(_SCRAMBLE, -1, 2**40)

_NORMAL = NormalDist()
_EIGHT_INTEGERS = struct.Struct(">8Q")
_FRACTION = 2.0**52

_MAX_SHARPNESS = 1e4
_BISECTIONS = 48
_REACH = 8.0  # standard deviations of D on either side
_INTERVALS = 64  # of Simpson's rule, per sign of D
_LENGTH_STEPS = 6  # standard deviations of L given D on either side, one step each


@dataclass(frozen=True, slots=True)
class Candidate:
    """A text as a judge sees it: its quality, and its length in characters."""

    quality: float
    length: int


@dataclass(frozen=True, slots=True)
class JudgeWeights:
    """The weights of a judge's decision, in log-odds.

    `sharpness` per unit of quality difference, `position_bias` added for the text shown
    first, `length_bias` per unit of log length ratio.
    """

    sharpness: float = 1.0
    position_bias: float = 0.0
    length_bias: float = 0.0


@dataclass(frozen=True, slots=True)
class PairDistribution:
    """The distribution of the pairs that a judge compares.

    The quality difference is D ~ N(mean, sd^2); the default is that of two texts of one
    model, whose qualities are N(mu, 1) each. The log length ratio is
    L = length_slope * D + N(0, length_sd^2); the default is texts of equal length.
    """

    # For a config file that holds one; dataclasses ignore unknown keys otherwise.
    __pydantic_config__ = ConfigDict(extra="forbid")

    mean: float = 0.0
    sd: float = math.sqrt(2.0)
    length_slope: float = 0.0
    length_sd: float = 0.0

    def __post_init__(self) -> None:
        """Raise `ValueError` for an impossible standard deviation."""
        if self.sd <= 0 or self.length_sd < 0:
            raise ValueError("sd must be above 0 and length_sd not below")


_UNBIASED = JudgeWeights()
_EQUAL_LENGTHS = PairDistribution()


# Tags


def rounded_quality(quality: float) -> float:
    """Return `quality` as a tag can carry it: in steps of 0.0001, within +-52."""
    bounded = max(-MAX_QUALITY, min(MAX_QUALITY, quality))
    return round(bounded * STEPS_PER_UNIT) / STEPS_PER_UNIT


def tag_of(candidate: Candidate) -> str:
    """Return the tag word, 18 characters: `zq`, then quality, length and checksum in base 32."""
    steps = round(rounded_quality(candidate.quality) * STEPS_PER_UNIT)
    number = (steps + _QUALITY_ZERO) << 20 | min(candidate.length, MAX_LENGTH)
    payload = number * _SCRAMBLE % 2**40
    return "zq" + _letters(payload) + _letters(_checksum(payload))


def candidates_in(text: str) -> list[Candidate]:
    """Return the tagged texts inside `text`, in order of appearance; false tags are ignored."""
    candidates = (_read_tag(match) for match in _TAG.findall(text))
    return [candidate for candidate in candidates if candidate is not None]


def candidate_of(text: str) -> Candidate | None:
    """Return quality and recorded length of the first tagged text; None without a tag."""
    candidates = candidates_in(text)
    return candidates[0] if candidates else None


def quality_of(text: str) -> float | None:
    """Return the planted quality of a simulated text; None without a tag."""
    candidate = candidate_of(text)
    return None if candidate is None else candidate.quality


def retag(text: str) -> str:
    """Record the present length of a text that was shortened after it was tagged."""
    candidate = candidate_of(text)
    if candidate is None or not text.startswith("zq"):
        return text
    return tag_of(Candidate(candidate.quality, len(text))) + text[TAG_LENGTH:]


def _read_tag(tag: str) -> Candidate | None:
    # Digits of `int` are 0 to 9 and a to v, those of a tag a to z and 2 to 7.
    payload_and_checksum = int(tag[2:].translate(_AS_DIGITS), 32)
    payload = payload_and_checksum >> 40
    if payload_and_checksum & (2**40 - 1) != _checksum(payload):
        return None
    number = payload * _UNSCRAMBLE % 2**40
    steps = (number >> 20) - _QUALITY_ZERO
    return Candidate(steps / STEPS_PER_UNIT, number & MAX_LENGTH)


def _letters(number: int) -> str:
    """Write 40 bits as 8 letters of base 32, two at a time."""
    return (
        _LETTER_PAIRS[number >> 30]
        + _LETTER_PAIRS[number >> 20 & 1023]
        + _LETTER_PAIRS[number >> 10 & 1023]
        + _LETTER_PAIRS[number & 1023]
    )


def _checksum(payload: int) -> int:
    raw = payload.to_bytes(5, "big")
    return int.from_bytes(hashlib.blake2b(raw, digest_size=5, person=b"prefline").digest(), "big")


# Preferences


def log_odds_first(first: Candidate, second: Candidate, weights: JudgeWeights) -> float:
    """Return the log-odds that a judge prefers the text shown first.

    sharpness * (q1 - q2) + position_bias + length_bias * ln(length1 / length2)
    """
    log_ratio = math.log(max(first.length, 1) / max(second.length, 1))
    difference = first.quality - second.quality
    return weights.sharpness * difference + weights.position_bias + weights.length_bias * log_ratio


def p_first(first: Candidate, second: Candidate, weights: JudgeWeights) -> float:
    """Return the probability that a judge prefers the text shown first."""
    return sigmoid(log_odds_first(first, second, weights))


def sigmoid(log_odds: float) -> float:
    """Return 1 / (1 + exp(-log_odds)), without overflow for any finite log-odds."""
    if log_odds >= 0:
        return 1.0 / (1.0 + math.exp(-log_odds))
    odds = math.exp(log_odds)
    return odds / (1.0 + odds)


# Draws


def key_of(*parts: bytes) -> bytes:
    """Return a 16-byte key for `parts` in this order."""
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        # The length goes in too, so that (b"ab", b"c") and (b"a", b"bc") differ.
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.digest()


def uniforms(key: bytes, purpose: str, index: int = 0) -> tuple[float, float, float, float]:
    """Draw four independent numbers from (0, 1); the same arguments give the same numbers."""
    raw = hashlib.blake2b(key + index.to_bytes(8, "big") + purpose.encode()).digest()
    first, second, third, fourth, *_ = _EIGHT_INTEGERS.unpack(raw)
    # 52 bits and a half: every such number is exact, and none rounds to 0 or 1.
    return (
        ((first >> 12) + 0.5) / _FRACTION,
        ((second >> 12) + 0.5) / _FRACTION,
        ((third >> 12) + 0.5) / _FRACTION,
        ((fourth >> 12) + 0.5) / _FRACTION,
    )


def normal_quantile(uniform: float) -> float:
    """Return the standard normal quantile of a uniform draw."""
    return _NORMAL.inv_cdf(uniform)


# Accuracy


def accuracy_of(weights: JudgeWeights, pairs: PairDistribution = _EQUAL_LENGTHS) -> float:
    """Return the share of verdicts that name the better text, over both orders, without ties.

    E[(sigmoid(x + b) + sigmoid(x - b)) / 2] with b the position bias and
    x = sign(D) * (sharpness * D + length_bias * L): shown first, the better text gains b;
    shown second, it loses b. The expectation is a quadrature: Simpson's rule over D > 0
    and D < 0 each, so that the kink at 0 lies between them, and the trapezium rule over L
    given D, which for a smooth function times a normal density converges exponentially.
    Its error is below 1e-5 up to an accuracy of 0.9, and below 1e-3 beyond.
    """
    return _expected_accuracy(weights, _quadrature(pairs))


def sharpness_for(
    accuracy: float, weights: JudgeWeights = _UNBIASED, pairs: PairDistribution = _EQUAL_LENGTHS
) -> float:
    """Return the sharpness at which a judge with the biases of `weights` has `accuracy`.

    Solves accuracy_of(sharpness) = accuracy by bisection; accuracy rises with sharpness.
    Raises `ParamsError` if no sharpness gives it.
    """
    nodes = _quadrature(pairs)
    low, high = 0.0, _MAX_SHARPNESS
    least, most = (
        _expected_accuracy(replace(weights, sharpness=end), nodes) for end in (low, high)
    )
    if not least - 1e-9 <= accuracy <= most:
        raise ParamsError(
            f"no judge with these biases has accuracy {accuracy}",
            f"choose an accuracy from {least:.3f} to {most:.3f}, or smaller biases",
        )
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        too_low = _expected_accuracy(replace(weights, sharpness=middle), nodes) < accuracy
        low, high = (middle, high) if too_low else (low, middle)
    return (low + high) / 2


@dataclass(frozen=True, slots=True)
class _Node:
    """One point of the quadrature; `sign` is that of the difference, at 0 that of its side."""

    sign: float
    difference: float
    log_ratio: float
    weight: float


def _quadrature(pairs: PairDistribution) -> list[_Node]:
    reach = _REACH * pairs.sd + abs(pairs.mean)
    nodes = []
    for sign, (size, simpson_weight) in product((-1.0, 1.0), _simpson(reach)):
        difference = sign * size
        density = simpson_weight * _bell((difference - pairs.mean) / pairs.sd)
        for deviation, length_density in _length_deviations(pairs.length_sd):
            log_ratio = pairs.length_slope * difference + deviation
            nodes.append(_Node(sign, difference, log_ratio, density * length_density))
    total = sum(node.weight for node in nodes)
    return [replace(node, weight=node.weight / total) for node in nodes]


def _simpson(end: float) -> list[tuple[float, float]]:
    """Return points from 0 to `end` and Simpson's weights 1 4 2 4 ... 4 1."""
    inner = [4.0 if index % 2 else 2.0 for index in range(1, _INTERVALS)]
    weights = [1.0, *inner, 1.0]
    return [(end * index / _INTERVALS, weight) for index, weight in enumerate(weights)]


def _length_deviations(sd: float) -> list[tuple[float, float]]:
    """Return deviations of the log length ratio and their densities up to a factor."""
    if sd == 0:
        return [(0.0, 1.0)]
    return [(sd * step, _bell(step)) for step in range(-_LENGTH_STEPS, _LENGTH_STEPS + 1)]


def _bell(deviations: float) -> float:
    return math.exp(-0.5 * deviations * deviations)


def _expected_accuracy(weights: JudgeWeights, nodes: list[_Node]) -> float:
    total = 0.0
    for node in nodes:
        log_odds = weights.sharpness * node.difference + weights.length_bias * node.log_ratio
        for_better = node.sign * log_odds
        shown_first = sigmoid(for_better + weights.position_bias)
        shown_second = sigmoid(for_better - weights.position_bias)
        total += node.weight * (shown_first + shown_second) / 2
    return total
