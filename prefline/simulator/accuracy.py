"""From an accuracy that a judge should have to the sharpness that gives it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import product

from pydantic import ConfigDict

from prefline.errors import ParamsError
from prefline.simulator.truth import Lean, sigmoid

_MAX_SHARPNESS = 1e4
_HALVINGS = 48
_REACH = 8.0  # standard deviations of D on either side
_INTERVALS = 64  # of Simpson's rule, per sign of D
_STEPS = 6  # standard deviations of L given D on either side, one step each


@dataclass(frozen=True, slots=True)
class Pairs:
    """The pairs that a judge is asked about, as a distribution.

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
        """Raise `ValueError` for a spread that is none."""
        if self.sd <= 0 or self.length_sd < 0:
            raise ValueError("sd must be above 0 and length_sd not below")


_UNBIASED = Lean()
_EQUAL_PAIRS = Pairs()


def accuracy_of(lean: Lean, pairs: Pairs = _EQUAL_PAIRS) -> float:
    """Share of verdicts that name the better text, over both orders, without ties.

    E[(sigmoid(x + b) + sigmoid(x - b)) / 2] with b the position bias and
    x = sign(D) * (sharpness * D + length_bias * L): shown first, the better text gains b;
    shown second, it loses b. The expectation is a quadrature: Simpson's rule over D > 0
    and D < 0 each, so that the kink at 0 lies between them, and the trapezium rule over L
    given D, which for a smooth function times a normal density converges exponentially.
    Its error is below 1e-5 up to an accuracy of 0.9, and below 1e-3 beyond.
    """
    return _accuracy(lean, _grid(pairs))


def sharpness_for(accuracy: float, lean: Lean = _UNBIASED, pairs: Pairs = _EQUAL_PAIRS) -> float:
    """The sharpness at which a judge with the biases of `lean` has `accuracy` on `pairs`.

    Solves accuracy_of(sharpness) = accuracy by bisection; accuracy rises with sharpness.
    Raises `ParamsError` if no sharpness gives it.
    """
    grid = _grid(pairs)
    low, high = 0.0, _MAX_SHARPNESS
    least, most = (_accuracy(replace(lean, sharpness=s), grid) for s in (low, high))
    if not least - 1e-9 <= accuracy <= most:
        raise ParamsError(
            f"no judge with these biases has accuracy {accuracy}",
            f"choose an accuracy from {least:.3f} to {most:.3f}, or smaller biases",
        )
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        below = _accuracy(replace(lean, sharpness=middle), grid) < accuracy
        low, high = (middle, high) if below else (low, middle)
    return (low + high) / 2


@dataclass(frozen=True, slots=True)
class _Node:
    """One point of the quadrature; `sign` is that of the difference, at 0 that of its side."""

    sign: float
    difference: float
    log_ratio: float
    weight: float


def _grid(pairs: Pairs) -> list[_Node]:
    reach = _REACH * pairs.sd + abs(pairs.mean)
    nodes = []
    for sign, (size, share) in product((-1.0, 1.0), _simpson(reach)):
        gap = sign * size
        density = share * _bell((gap - pairs.mean) / pairs.sd)
        for spread, part in _spreads(pairs.length_sd):
            nodes.append(_Node(sign, gap, pairs.length_slope * gap + spread, density * part))
    total = sum(node.weight for node in nodes)
    return [replace(node, weight=node.weight / total) for node in nodes]


def _simpson(end: float) -> list[tuple[float, float]]:
    """Points from 0 to `end` and Simpson's weights 1 4 2 4 ... 4 1."""
    inner = [4.0 if at % 2 else 2.0 for at in range(1, _INTERVALS)]
    return [(end * at / _INTERVALS, w) for at, w in enumerate([1.0, *inner, 1.0])]


def _spreads(sd: float) -> list[tuple[float, float]]:
    """Log length ratios around their mean, and their density up to a factor."""
    if sd == 0:
        return [(0.0, 1.0)]
    return [(sd * at, _bell(at)) for at in range(-_STEPS, _STEPS + 1)]


def _bell(deviations: float) -> float:
    return math.exp(-0.5 * deviations * deviations)


def _accuracy(lean: Lean, grid: list[_Node]) -> float:
    total = 0.0
    for node in grid:
        gain = lean.sharpness * node.difference + lean.length_bias * node.log_ratio
        right = node.sign * gain
        first, second = sigmoid(right + lean.position_bias), sigmoid(right - lean.position_bias)
        total += node.weight * (first + second) / 2
    return total
