"""What the data could not tell of a judge, in words for people."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import ndtr, ndtri

from prefline.labeling.fit import Fit
from prefline.labeling.posterior import PROBIT_TO_LOGIT
from prefline.labeling.voices import Heard

_PRIOR_SD = 1.0  # of the slope and of the true effect of length
_SURE = float(ndtri(0.9995))  # two-sided 1 in 1,000


def warnings_of(heard: Heard, found: Fit, at: int, slope: tuple[float, float]) -> tuple[str, ...]:
    """Warnings for the voice `at`; `slope` is (value, standard error)."""
    spoke = heard.count[:, at] > 0
    said = []
    if slope[1] >= _PRIOR_SD / 2:
        said.append("too few verified pairs and agreeing judges to calibrate it: taken at its word")
    elif not np.any(spoke & (heard.gold != 0)):
        said.append("no verified pairs: its errors are taken to be independent of other judges'")
    if not np.any(heard.log_ratio[spoke]):
        said.append("no lengths, or all equal: its length bias is not known")
    elif found.gamma_se >= _PRIOR_SD / 2:
        said.append("a bias for length cannot be told from a true effect of it: taken for bias")
    if heard.positions[at].bias_se >= _PRIOR_SD / 2:
        said.append("too few verdicts to know its position bias")
    elif not heard.positions[at].both:
        said.append("no pair was judged in both orders: its noise is not told from its error")
    if _gold_disagrees(heard, at, slope[0]):
        said.append("verified pairs contradict what its agreement with other judges says of it")
    return tuple(said)


def _gold_disagrees(heard: Heard, at: int, slope: float) -> bool:
    """Is the judge right on verified pairs as often as its slope says? A z-test on the sum of
    right - expected, with expected = Phi(|x| slope / PROBIT_TO_LOGIT)."""
    judged = (heard.count[:, at] > 0) & (heard.gold != 0)
    if not np.any(judged):
        return False
    x = heard.mean[judged, at]
    p = ndtr(np.abs(x) * slope / PROBIT_TO_LOGIT)
    right = x * heard.gold[judged] > 0
    spread = math.sqrt(float(np.sum(p * (1 - p))))
    return abs(float(np.sum(right - p))) > _SURE * spread
