"""Labels of all pairs by the label model, and the calibration of every model judge."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from prefline.labeling.annotators import Annotator, Votes, collect_votes, main_annotators
from prefline.labeling.evidence import Evidence
from prefline.labeling.fit import Fit, fit
from prefline.labeling.log_odds_model import PROBIT_TO_LOGIT, slopes
from prefline.stats import Floats
from prefline.stats.bootstrap import Figure, ratio

DIGITS = 9  # of what is written: beyond them machines differ
_ERROR_DIGITS = 4
_LOGISTIC_SD = math.pi / math.sqrt(3)
VERIFIER_ACCURACY = 0.99
_PRIOR_SD = 1.0  # of every slope, and of the true effect of length
_SURE = float(ndtri(0.9995))  # two-sided 1 in 1,000


@dataclass(frozen=True, slots=True)
class Calibration:
    """The estimates of one annotator, each with its standard error.

    `slope` is what one unit of its log-odds is worth if it is asked alone, in both orders;
    `sharpness` its log-odds per standard deviation of the latent difference between two
    responses; `position_bias` the log-odds by which it favours what it sees first; `length_bias`
    those per unit of log length ratio.

    `fitted` is False where the slope rests on its prior, `warnings` say what the data could not
    tell. `accuracy` is the share of verified pairs on which the judge, its position bias taken
    off, is right. `n_pairs` and `n_verdicts` count what it judged.
    """

    slope: float
    slope_se: float
    sharpness: float
    sharpness_se: float
    position_bias: float
    position_bias_se: float
    length_bias: float
    length_bias_se: float
    fitted: bool
    accuracy: Figure
    n_pairs: int
    n_verdicts: int
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Labels:
    """The labels of N pairs by their model judges, in the order of the evidence.

    `log_odds` (N,) that the lower id is better, and their standard errors `log_odds_se` (N,) from
    what is not known of the judges; both 0 where no model judge voted. `calibrations` by name of
    the annotator.
    """

    log_odds: Floats
    log_odds_se: Floats
    calibrations: Mapping[str, Calibration]


def label(evidence: Sequence[Evidence], verifier_accuracy: float = VERIFIER_ACCURACY) -> Labels:
    """Return the labels of all pairs on the word of model judges.

    Verified pairs calibrate the judges, and count as right with `verifier_accuracy`; what a
    verifier says of a pair is not in that pair's own label.
    """
    votes = collect_votes(evidence)
    if not votes.annotators:
        return Labels(np.zeros(len(evidence)), np.zeros(len(evidence)), {})
    fitted = fit(votes, verifier_accuracy)
    prompts = np.array([one.prompt_id for one in evidence])
    return Labels(
        np.round(fitted.log_odds, DIGITS),
        np.round(fitted.log_odds_se, _ERROR_DIGITS),
        {name: _calibration(votes, fitted, at, prompts) for at, name in enumerate(_names(votes))},
    )


def _names(votes: Votes) -> list[str]:
    """Return a name for each annotator: its judge's for the main one, otherwise with how."""
    main = main_annotators(votes)
    return [
        one.judge if main[one.judge] == at else f"{one.judge} ({_manner(one)})"
        for at, one in enumerate(votes.annotators)
    ]


def _manner(annotator: Annotator) -> str:
    return f"{annotator.method}, {'verdict only' if annotator.hard else 'with probability'}"


def _calibration(votes: Votes, fitted: Fit, at: int, prompts: NDArray[np.str_]) -> Calibration:
    position, unit = votes.positions[at], _unit(votes, fitted, at)
    slope = fitted.with_error(lambda p, _: float(slopes(p, fitted.order_variance)[at]))
    sharpness = fitted.with_error(lambda p, _: p.rho * float(p.a[at]))
    length = fitted.with_error(lambda p, kappa: float(kappa[at]) - p.rho * float(p.a[at]) * p.gamma)
    scale = unit / position.attenuation
    bias_unit = unit if votes.annotators[at].hard else 1.0
    return Calibration(
        *_rounded(*slope),
        *_rounded(sharpness[0] * scale, sharpness[1] * scale),
        *_rounded(position.bias * bias_unit, position.bias_se * bias_unit),
        *_rounded(length[0] * scale, length[1] * scale),
        fitted=slope[1] < _PRIOR_SD / 2,
        accuracy=_accuracy(votes, at, prompts),
        n_pairs=int(np.count_nonzero(votes.count[:, at])),
        n_verdicts=int(votes.count[:, at].sum()),
        warnings=_warnings(votes, fitted, at, *slope),
    )


def _rounded(value: float, error: float) -> tuple[float, float]:
    return round(value, DIGITS), round(error, _ERROR_DIGITS)


def _unit(votes: Votes, fitted: Fit, at: int) -> float:
    """Return log-odds per standard deviation of a hard annotator's latent; 1 for a soft one.

    The latent's variance is 1, of which A^-2 (a^2 + kappa^2 mean(L^2)) is signal, A being the
    attenuation. The rest is noise, which in log-odds is a standard logistic, pi / sqrt(3).
    """
    if not votes.annotators[at].hard:
        return 1.0
    voted = votes.count[:, at] > 0
    ratio2 = float(np.mean(votes.log_ratio[voted] ** 2))
    signal = fitted.parameters.a[at] ** 2 + fitted.kappa[at] ** 2 * ratio2
    rest = 1 - float(signal) / votes.positions[at].attenuation ** 2
    return _LOGISTIC_SD / math.sqrt(max(rest, 0.01))


def _accuracy(votes: Votes, at: int, prompts: NDArray[np.str_]) -> Figure:
    judged = (votes.count[:, at] > 0) & (votes.gold != 0)
    right = votes.mean[judged, at] * votes.gold[judged] > 0
    return ratio(right, np.ones(len(right)), prompts[judged])


def _warnings(votes: Votes, fitted: Fit, at: int, slope: float, slope_se: float) -> tuple[str, ...]:
    """Return what the data could not tell of an annotator, in words for people."""
    voted = votes.count[:, at] > 0
    lines = []
    if slope_se >= _PRIOR_SD / 2:
        lines.append(
            "too few verified pairs and agreeing judges to calibrate it: taken at its word"
        )
    elif not np.any(voted & (votes.gold != 0)):
        lines.append("no verified pairs: its errors are taken to be independent of other judges'")
    if not np.any(votes.log_ratio[voted]):
        lines.append("no lengths, or all equal: its length bias is not known")
    elif fitted.gamma_se >= _PRIOR_SD / 2:
        lines.append("a bias for length cannot be told from a true effect of it: taken for bias")
    if votes.positions[at].bias_se >= _PRIOR_SD / 2:
        lines.append("too few verdicts to know its position bias")
    elif not votes.positions[at].both_orders:
        lines.append("no pair was judged in both orders: its noise is not told from its error")
    if _gold_disagrees(votes, at, slope):
        lines.append("verified pairs contradict what its agreement with other judges says of it")
    return tuple(lines)


def _gold_disagrees(votes: Votes, at: int, slope: float) -> bool:
    """Tell whether an annotator is right on verified pairs less or more often than its slope says.

    A z-test on the sum of right - expected, with expected = Phi(|x| slope / PROBIT_TO_LOGIT).
    """
    judged = (votes.count[:, at] > 0) & (votes.gold != 0)
    if not np.any(judged):
        return False
    x = votes.mean[judged, at]
    p = ndtr(np.abs(x) * slope / PROBIT_TO_LOGIT)
    right = x * votes.gold[judged] > 0
    spread = math.sqrt(float(np.sum(p * (1 - p))))
    return abs(float(np.sum(right - p))) > _SURE * spread
