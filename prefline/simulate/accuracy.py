"""From an accuracy that a judge should have to the sharpness that gives it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from pydantic import ConfigDict

from prefline.errors import ParamsError
from prefline.simulate.truth import Lean

_MAX_SHARPNESS = 1e4
_HALVINGS = 60


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
    shown second, it loses b. The expectation over D and L is a quadrature: a trapezium
    rule over +-8 sd of D (its kink at 0 lies on the grid), Gauss-Hermite over L given D.
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
class _Grid:
    """Quality differences, log length ratios and their weights, as rows by columns."""

    difference: npt.NDArray[np.float64]
    log_ratio: npt.NDArray[np.float64]
    weight: npt.NDArray[np.float64]


def _grid(pairs: Pairs) -> _Grid:
    """Both signs of D meet at 0, where the sign changes: each side has its own points."""
    half = np.linspace(0.0, 8.0 * pairs.sd + abs(pairs.mean), 1001)
    weight = np.ones_like(half)
    weight[[0, -1]] = 0.5
    difference = np.concatenate([-half[::-1], half])[:, None]
    density = np.exp(-0.5 * ((difference - pairs.mean) / pairs.sd) ** 2)
    density *= np.concatenate([weight[::-1], weight])[:, None]
    nodes, shares = np.polynomial.hermite_e.hermegauss(21)
    log_ratio = pairs.length_slope * difference + pairs.length_sd * nodes[None, :]
    joint = density * shares[None, :]
    return _Grid(difference, log_ratio, joint / joint.sum())


def _accuracy(lean: Lean, grid: _Grid) -> float:
    # The sign of D at 0 is that of its side of the grid: first half negative, second positive.
    sign = np.repeat([-1.0, 1.0], len(grid.difference) // 2)[:, None]
    right = sign * (lean.sharpness * grid.difference + lean.length_bias * grid.log_ratio)
    shown_first = _sigmoid(right + lean.position_bias)
    shown_second = _sigmoid(right - lean.position_bias)
    return float((grid.weight * (shown_first + shown_second)).sum() / 2)


def _sigmoid(log_odds: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    # tanh does not overflow, unlike exp.
    result: npt.NDArray[np.float64] = 0.5 * (1.0 + np.tanh(0.5 * log_odds))
    return result
