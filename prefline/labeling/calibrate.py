"""What every model judge's word is worth, and what all of them say of each pair."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from prefline.labeling.evidence import Evidence
from prefline.labeling.fit import Fit, fit
from prefline.labeling.posterior import slopes
from prefline.labeling.voices import Heard, Voice, hear, main_voices
from prefline.labeling.warnings import warnings_of
from prefline.stats.bootstrap import Figure, ratio

Floats = NDArray[np.float64]
DIGITS = 9  # of what is written: beyond them machines differ
_ERROR_DIGITS = 4
_LOGISTIC_SD = math.pi / math.sqrt(3)
VERIFIER_ACCURACY = 0.99
PRIOR_SD = 1.0  # of every slope


@dataclass(frozen=True, slots=True)
class Calibration:
    """A judge's `slope` (what one unit of its log-odds is worth if it is asked alone, in both
    orders), its `sharpness` (its log-odds per standard deviation of the margin between two
    responses), `position_bias` (log-odds by which it favours what it sees first) and
    `length_bias` (per unit of log length ratio), each with its standard error.

    `fitted` is False where the slope rests on its prior, `warnings` say what the data could not
    tell. `accuracy` is the share of the `n_gold` verified pairs on which the judge, its position
    bias taken off, is right. `n_pairs` and `n_verdicts` count what it judged."""

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
class Worth:
    """What the model judges say of a pair: log-odds that the lower id is better, and their
    standard error from what is not known of the judges."""

    log_odds: float = 0.0
    se: float = 0.0


def calibrate(
    evidence: Sequence[Evidence], verifier_accuracy: float = VERIFIER_ACCURACY
) -> dict[str, Calibration]:
    """The calibration of every model judge."""
    return weigh(evidence, verifier_accuracy)[0]


def weigh(
    evidence: Sequence[Evidence], verifier_accuracy: float = VERIFIER_ACCURACY
) -> tuple[dict[str, Calibration], list[Worth]]:
    """The calibrations, and what the judges say of each pair, in the order of `evidence`."""
    heard = hear(evidence)
    if not heard.voices:
        return {}, [Worth()] * len(evidence)
    found = fit(heard, verifier_accuracy)
    names = names_of(heard)
    prompts = np.array([one.prompt_id for one in evidence])
    calibrations = {name: _calibration(heard, found, at, prompts) for at, name in enumerate(names)}
    odds, errors = np.round(found.log_odds, DIGITS), np.round(found.log_odds_se, _ERROR_DIGITS)
    return calibrations, [Worth(*one) for one in zip(odds.tolist(), errors.tolist(), strict=True)]


def names_of(heard: Heard) -> list[str]:
    """A name for each voice: its judge's for the one that spoke most, otherwise with how."""
    main = main_voices(heard)
    return [
        voice.judge if main[voice.judge] == at else f"{voice.judge} ({_manner(voice)})"
        for at, voice in enumerate(heard.voices)
    ]


def _manner(voice: Voice) -> str:
    return f"{voice.method}, {'verdict only' if voice.hard else 'with probability'}"


def _calibration(heard: Heard, found: Fit, at: int, prompts: NDArray[np.str_]) -> Calibration:
    position, unit = heard.positions[at], _unit(heard, found, at)
    slope = found.each(lambda theta, _: float(slopes(theta, found.order_variance)[at]))
    sharp = found.each(lambda theta, _: theta.rho * float(theta.a[at]))
    length = found.each(
        lambda theta, kappa: float(kappa[at]) - theta.rho * float(theta.a[at]) * theta.gamma
    )
    scale = unit / position.attenuation
    of_bias = unit if heard.voices[at].hard else 1.0
    return Calibration(
        *_written(*slope),
        *_written(sharp[0] * scale, sharp[1] * scale),
        *_written(position.bias * of_bias, position.bias_se * of_bias),
        *_written(length[0] * scale, length[1] * scale),
        fitted=slope[1] < PRIOR_SD / 2,
        accuracy=_accuracy(heard, at, prompts),
        n_pairs=int(np.count_nonzero(heard.count[:, at])),
        n_verdicts=int(heard.count[:, at].sum()),
        warnings=warnings_of(heard, found, at, slope),
    )  # fmt: skip


def _written(value: float, error: float) -> tuple[float, float]:
    return round(value, DIGITS), round(error, _ERROR_DIGITS)


def _unit(heard: Heard, found: Fit, at: int) -> float:
    """Log-odds per standard deviation of a hard voice's feeling; 1 for a soft voice.

    The feeling's variance is 1, of which A^-2 (a^2 + kappa^2 mean(L^2)) is signal, A being the
    attenuation. The rest is noise, which in log-odds is a standard logistic, pi / sqrt(3).
    """
    if not heard.voices[at].hard:
        return 1.0
    spoke = heard.count[:, at] > 0
    ratio2 = float(np.mean(heard.log_ratio[spoke] ** 2))
    signal = found.theta.a[at] ** 2 + found.kappa[at] ** 2 * ratio2
    rest = 1 - float(signal) / heard.positions[at].attenuation ** 2
    return _LOGISTIC_SD / math.sqrt(max(rest, 0.01))


def _accuracy(heard: Heard, at: int, prompts: NDArray[np.str_]) -> Figure:
    judged = (heard.count[:, at] > 0) & (heard.gold != 0)
    right = heard.mean[judged, at] * heard.gold[judged] > 0
    return ratio(right, np.ones(len(right)), prompts[judged])
