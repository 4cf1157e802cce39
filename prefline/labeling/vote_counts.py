"""Verdicts that are shares of several votes, with their sampling error taken into account.

A judge that is asked n times at a temperature says "first" with a probability q of its own, which
n votes tell only roughly: all of three may be chance, all of thirty is not. With the prior
q ~ Beta(a, a) and k of n votes for the first (a tie counts one half for either), the posterior is
Beta(k + a, n - k + a), and

    E[log(q / (1 - q))] = psi(k + a) - psi(n - k + a),
    Var[log(q / (1 - q))] = psi'(k + a) + psi'(n - k + a)

with the digamma function psi. So few votes are shrunk to even odds more than many are, and
unanimous ones stay finite. The concentration a of a judge is the maximum of the beta-binomial
likelihood of its counts: small where it is nearly always sure, large where its votes are much like
coin tosses.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import betaln, digamma, polygamma

from prefline.stats import Floats

DEFAULT_CONCENTRATION = 1.0  # uniform, where nothing is known of a judge
_RANGE = (math.log(0.05), math.log(50.0))
_DIGITS = 6  # of the concentration: beyond them machines differ


def fit_concentration(k: Floats, n: Floats) -> float:
    """Return the concentration a of one judge from the votes k (rows,) of n (rows,) for the lower
    id, about which the prior is symmetric. With one vote a row they tell nothing of it."""
    from scipy.optimize import minimize_scalar

    several = n > 1
    if not several.any():
        return DEFAULT_CONCENTRATION
    k, n = k[several], n[several]

    def loss(log_a: float) -> float:
        a = math.exp(log_a)
        # A penalty that pulls to the uniform prior, worth about one row: few rows tell little.
        return float(betaln(a, a) * len(k) - np.sum(betaln(k + a, n - k + a))) + log_a**2 / 2

    found = minimize_scalar(loss, bounds=_RANGE, method="bounded", options={"xatol": 1e-9})
    return round(math.exp(float(found.x)), _DIGITS)


def log_odds_of_votes(
    k: Floats, n: Floats, concentration: float = DEFAULT_CONCENTRATION
) -> tuple[Floats, Floats]:
    """Return the mean and the variance of the log-odds of q, (rows,) each, given k of n votes."""
    up, down = k + concentration, n - k + concentration
    mean = np.asarray(digamma(up) - digamma(down))
    return mean, np.asarray(polygamma(1, up) + polygamma(1, down))
