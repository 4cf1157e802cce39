"""The model of a table of judgments: the densities and labels that its parameters give.

Each pair i has a latent difference in quality z_i, the truth is its sign, and L_i = ln(length of
lower / length of upper). Which id is lower is arbitrary, so everything is symmetric about 0:

    f_i = consensus, a standard normal, what the annotators have in common beyond length
    z_i = gamma L_i + rho f_i + sqrt(1 - rho^2) g_i                      the truth
    x_ij = kappa_j L_i + a_j f_i + u_ij + mean over orders of e_ijo      annotator j's log-odds

with g, u, e independent normals of variance 1, tau_j^2, v_j. u_ij is the annotator's own error on
the pair, which both orders share, so a second order is worth less than a second annotator: the
noise of x_ij is t_ij = tau_j^2 + v_j / (number of orders). Position bias was taken off before
(`annotators.py`). At a fixed z, annotator j's log-odds are rho a_j z + c_j L + noise with
c_j = kappa_j - rho a_j gamma: so rho a_j is its *sharpness*, in log-odds per standard deviation
of z, and c_j its *length bias*.

What the data can tell apart. The agreement of annotators (covariances of x) tells a_j and tau_j
from three on; from two only the product of the a's, from one nothing. An annotator that errs
alone is found out this way, errors that all share are not. Verified pairs tell rho: are the
annotators right where they agree? If not, rho and every sharpness go to 0 however well they
agree. With one or two annotators they tell a_j / tau_j too. Length: kappa_j is always told, but a
true effect of length and a bias that all share in proportion to a_j look the same, since
(gamma + d, c_j - rho a_j d) gives the same x. Only verified pairs, which know no length bias,
tell gamma; other judges do not. Without them gamma is 0 but for its prior's width: all effect of
length is taken for bias, and the length biases' standard errors are as wide as that says.

How labels use it: with length no evidence by itself (a prior z ~ N(0, 1) instead of
N(gamma L, 1)), so that no pair becomes a preference because one answer is longer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import log_ndtr, ndtr

from prefline.stats import Floats, Ints

# Log-odds per standard normal deviate at p = 1/2: the slope of logit(Phi(z)) at 0.
PROBIT_TO_LOGIT = math.sqrt(8 / math.pi)
LEAST_NOISE = 0.01  # of an annotator's spread: numerical, so that none is an oracle
_LEAST_VARIANCE = 1e-6  # numerical


@dataclass(frozen=True, slots=True)
class Parameters:
    """`a`, `tau` (J,) in log-odds; `rho` in [0, 1]; `gamma` in units of z per unit of log length
    ratio."""

    a: Floats
    tau: Floats
    rho: float
    gamma: float


@dataclass(frozen=True, slots=True)
class VotePatterns:
    """Pairs grouped by which annotators voted how often: `count` (P, J) orders, `pairs` (P,) how
    many pairs, `cross` (P, J, J) the sums of x x' over them (length taken off)."""

    count: Ints
    pairs: Floats
    cross: Floats


def consensus_weights(
    parameters: Parameters, order_variance: Floats, count: Ints
) -> tuple[Floats, Floats]:
    """Return (w, v) for patterns `count` (P, J): the consensus given x is N(w.x v, v).

    w_j = a_j / t_j where j voted, else 0, shape (P, J); 1 / v = 1 + sum a_j^2 / t_j, shape (P,).
    """
    t = noise_variance(parameters, order_variance, count)
    w = np.where(count > 0, parameters.a / t, 0.0)
    return w, 1 / (1 + w @ parameters.a)


def noise_variance(parameters: Parameters, order_variance: Floats, count: Ints) -> Floats:
    """Return t (P, J), the variance of an annotator's mean over its orders about the consensus."""
    return np.asarray(parameters.tau**2 + order_variance / np.maximum(count, 1))


def agreement_log_density(
    parameters: Parameters, order_variance: Floats, patterns: VotePatterns
) -> float:
    """Return the log-density of all x, up to a constant.

    x ~ N(0, T + a a'), T = diag(t): by the matrix determinant lemma and Sherman and Morrison,
    -1/2 (sum ln t - ln v + x'T^-1 x - v (w.x)^2), which needs only the sums of x x'.
    """
    t = noise_variance(parameters, order_variance, patterns.count)
    w, v = consensus_weights(parameters, order_variance, patterns.count)
    voted = patterns.count > 0
    squares = np.diagonal(patterns.cross, axis1=1, axis2=2)
    explained = np.einsum("pj,pjk,pk->p", w, patterns.cross, w)
    twice = patterns.pairs * (np.sum(np.where(voted, np.log(t), 0.0), axis=1) - np.log(v))
    return -0.5 * float(np.sum(twice + np.sum(squares / t, axis=1) - v * explained))


def gold_log_density(
    parameters: Parameters,
    mean: Floats,
    variance: Floats,
    gold: Floats,
    log_ratio: Floats,
    accuracy: float,
) -> float:
    """Return the log-probability of the verified pairs, given their x; arrays of shape (n,).

    `mean`, `variance` are of the consensus. z is N(gamma L + rho m, 1 - rho^2 (1 - v)), and the
    verifier names its sign with probability `accuracy`.
    """
    spread = np.sqrt(truth_variance(parameters, variance))
    right = ndtr(gold * (parameters.gamma * log_ratio + parameters.rho * mean) / spread)
    return float(np.sum(np.log(1 - accuracy + (2 * accuracy - 1) * right)))


def truth_variance(parameters: Parameters, variance: Floats) -> Floats:
    """Return s^2 (n,), the variance of z given a consensus of `variance` (n,)."""
    return np.maximum(1 - parameters.rho**2 * (1 - variance), _LEAST_VARIANCE)


def label_log_odds(
    parameters: Parameters, mean: Floats, variance: Floats, log_ratio: Floats
) -> Floats:
    """Return log-odds (n,) that the lower id is better, with length no evidence of its own.

    The posterior under the prior N(gamma L, 1) has precision 1 / s^2 and mean gamma L + rho m;
    with the prior's own term gamma L taken off, times s^2, the mean is
    gamma L (1 - s^2) + rho m. The probability is that of z above 0.
    """
    s2 = truth_variance(parameters, variance)
    z = (parameters.gamma * log_ratio * (1 - s2) + parameters.rho * mean) / np.sqrt(s2)
    return np.asarray(log_ndtr(z) - log_ndtr(-z))


def slopes(parameters: Parameters, order_variance: Floats) -> Floats:
    """Return what a unit of each annotator's log-odds is worth if it is alone, shape (J,).

    With V = a^2 + tau^2 + v / 2 (the mean of two orders), P(z > 0 | x) = Phi(k x) and
    k = (rho a / V) / sqrt(1 - rho^2 a^2 / V); the slope is that of the log-odds at 0.
    """
    total = parameters.a**2 + parameters.tau**2 + order_variance / 2
    loading = parameters.rho * parameters.a
    rest = np.maximum(1 - loading**2 / total, LEAST_NOISE**2)
    return np.asarray(PROBIT_TO_LOGIT * loading / total / np.sqrt(rest))
