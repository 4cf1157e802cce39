"""The model of a table of judgments: what it says of the pairs, given its parameters.

Each pair i has a latent margin z_i, the truth is its sign, and L_i = ln(length of lower /
length of upper). Which id is lower is arbitrary, so everything is symmetric about 0:

    f_i = consensus, a standard normal, what the voices have in common beyond length
    z_i = gamma L_i + rho f_i + sqrt(1 - rho^2) g_i                      the truth's margin
    x_ij = kappa_j L_i + a_j f_i + u_ij + mean over orders of e_ijo      voice j's log-odds

with g, u, e independent normals of variance 1, tau_j^2, v_j. u_ij is the voice's own error on
the pair, which both orders share, so a second order is worth less than a second voice: the
noise of x_ij is t_ij = tau_j^2 + v_j / (number of orders). Position bias was taken off before
(`position.py`). At a fixed margin, voice j's log-odds are rho a_j z + c_j L + noise with
c_j = kappa_j - rho a_j gamma: so rho a_j is its *sharpness*, in log-odds per standard deviation
of the margin, and c_j its *length bias*.

What the data can tell apart. The agreement of voices (covariances of x) tells a_j and tau_j from
three voices on; from two only the product of the a's, from one nothing. A voice that errs alone
is found out this way, errors that all voices share are not. Verified pairs tell rho: are the
voices right where they agree? If not, rho and every sharpness go to 0 however well they agree.
With one or two voices they tell a_j / tau_j too. Length: kappa_j is always told, but a true
effect of length and a bias that all voices share in proportion to a_j look the same, since
(gamma + d, c_j - rho a_j d) gives the same x. Only verified pairs, which know no length bias,
tell gamma; other judges do not. Without them gamma is 0 but for its prior's width: all effect of
length is taken for bias, and the length biases' standard errors are as wide as that says.

How labels use it: with length no evidence by itself (a prior margin N(0, 1) instead of
N(gamma L, 1)), so that no pair becomes a preference because one answer is longer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr, ndtr

Floats = NDArray[np.float64]
_LEAST_VARIANCE = 1e-6  # numerical


@dataclass(frozen=True, slots=True)
class Theta:
    """Parameters: `a`, `tau` (J,) in log-odds; `rho` in [0, 1]; `gamma` in standard
    deviations of the margin per unit of log length ratio."""

    a: Floats
    tau: Floats
    rho: float
    gamma: float


@dataclass(frozen=True, slots=True)
class Patterns:
    """Pairs grouped by which voices spoke how often: `count` (P, J) orders, `pairs` (P,) how many
    pairs, `cross` (P, J, J) the sums of x x' over them (length taken off)."""

    count: NDArray[np.int64]
    pairs: Floats
    cross: Floats


def weights(
    theta: Theta, order_variance: Floats, count: NDArray[np.int64]
) -> tuple[Floats, Floats]:
    """(w, v) for patterns `count` (P, J): the consensus given x is N(w.x v, v), with
    w_j = a_j / t_j where j spoke, else 0 (P, J), and 1 / v = 1 + sum a_j^2 / t_j (P,)."""
    w = np.where(count > 0, theta.a / noise(theta, order_variance, count), 0.0)
    return w, 1 / (1 + w @ theta.a)


def noise(theta: Theta, order_variance: Floats, count: NDArray[np.int64]) -> Floats:
    """t (P, J), the variance of a voice's mean over its orders about what is common."""
    return np.asarray(theta.tau**2 + order_variance / np.maximum(count, 1))


def log_density(theta: Theta, order_variance: Floats, patterns: Patterns) -> float:
    """Log-density of all x, up to a constant.

    x ~ N(0, T + a a'), T = diag(t): by the matrix determinant lemma and Sherman and Morrison,
    -1/2 (sum ln t - ln v + x'T^-1 x - v (w.x)^2), which needs only the sums of x x'.
    """
    t = noise(theta, order_variance, patterns.count)
    w, v = weights(theta, order_variance, patterns.count)
    spoke = patterns.count > 0
    squares = np.diagonal(patterns.cross, axis1=1, axis2=2)
    explained = np.einsum("pj,pjk,pk->p", w, patterns.cross, w)
    twice = patterns.pairs * (np.sum(np.where(spoke, np.log(t), 0.0), axis=1) - np.log(v))
    return -0.5 * float(np.sum(twice + np.sum(squares / t, axis=1) - v * explained))


def gold_density(
    theta: Theta, mean: Floats, variance: Floats, signed: tuple[Floats, Floats], accuracy: float
) -> float:
    """Log-probability of the verified pairs, given their x.

    `mean`, `variance` (n,) are of the consensus; `signed` is (gold, log_ratio), each (n,). The
    margin is N(gamma L + rho m, 1 - rho^2 (1 - v)), and the verifier names its sign with
    probability `accuracy`.
    """
    gold, log_ratio = signed
    spread = np.sqrt(margin_variance(theta, variance))
    right = ndtr(gold * (theta.gamma * log_ratio + theta.rho * mean) / spread)
    return float(np.sum(np.log(1 - accuracy + (2 * accuracy - 1) * right)))


def margin_variance(theta: Theta, variance: Floats) -> Floats:
    """s^2 (n,) of the margin, given a consensus of `variance` (n,)."""
    return np.maximum(1 - theta.rho**2 * (1 - variance), _LEAST_VARIANCE)


def label_log_odds(theta: Theta, mean: Floats, variance: Floats, log_ratio: Floats) -> Floats:
    """Log-odds (n,) that the lower id is better, with length no evidence of its own.

    The posterior under the prior N(gamma L, 1) has precision 1 / s^2 and mean gamma L + rho m;
    with the prior's own term gamma L taken off, times s^2, the mean is
    gamma L (1 - s^2) + rho m. The probability is that of a positive margin.
    """
    s2 = margin_variance(theta, variance)
    z = (theta.gamma * log_ratio * (1 - s2) + theta.rho * mean) / np.sqrt(s2)
    return np.asarray(log_ndtr(z) - log_ndtr(-z))
