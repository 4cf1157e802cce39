"""Accuracy and calibration of a reward model on labelled pairs.

Beside its accuracy stand rules that know nothing of quality, on the same pairs: the longer answer
wins, the shorter wins, and the first wins, in an order drawn by a hash. The better of the first two
is what a reward model has to beat; the differences to both are paired.

Calibration says how far sigmoid(reward of chosen - reward of rejected) may be taken as a
probability. A pair is looked at from the side of the answer that the rewards prefer. From that of
the better answer, as labels have it, every pair of a low probability would be one where the rewards
are wrong, and any reward model would look badly calibrated.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from prefline.errors import TableError
from prefline.stats import Bools, Floats, Ints
from prefline.stats.bootstrap import NOTHING, Figure, Resampler
from prefline.stats.logistic import sigmoid
from tasks.evaluate.clusters import numbered, paired_difference, share
from tasks.evaluate.human import Pairs

QUANTILES = 4


@dataclass(frozen=True, slots=True)
class Rules:
    """Shares of pairs on which the better answer wins, by four rules, a draw counting half; and
    the paired differences of the rewards to the longer and to the shorter answer."""

    accuracy: Figure
    longer_wins: Figure
    shorter_wins: Figure
    first_wins: Figure
    over_longer: Figure
    over_shorter: Figure


@dataclass(frozen=True, slots=True)
class Accuracy:
    """The figures of a reward model on labelled pairs.

    `n_unscored` pairs have no finite reward on a side and are in no figure; `n_draws` of the
    others have the same reward on both. `by_length` has quarters of the pairs by how many
    characters longer the better answer is, from `from` to `to`.
    """

    n_pairs: int
    n_prompts: int
    n_unscored: int
    n_draws: int
    overall: Rules
    calibration: Calibration
    by_category: dict[str, Rules]
    by_length: tuple[dict[str, Any], ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the figures for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class _Outcomes:
    """Outcomes of n pairs by three rules: 1 right, 0 wrong, 0.5 drawn, each shape `(n,)`."""

    rewards: Floats
    longer: Floats
    first: Floats
    clusters: Ints
    sampler: Resampler

    def rules(self, rows: Bools) -> Rules:
        """Return the figures of the pairs where `rows` holds."""
        where, sampler = self.clusters[rows], self.sampler
        rewards, longer = self.rewards[rows], self.longer[rows]
        return Rules(
            accuracy=share(rewards, where, sampler),
            longer_wins=share(longer, where, sampler),
            shorter_wins=share(1 - longer, where, sampler),
            first_wins=share(self.first[rows], where, sampler),
            over_longer=paired_difference(rewards, longer, where, sampler),
            over_shorter=paired_difference(rewards, 1 - longer, where, sampler),
        )


def accuracy(
    pairs: Pairs,
    reward_chosen: ArrayLike,
    reward_rejected: ArrayLike,
    seed: int = 0,
) -> Accuracy:
    """Return the figures of rewards, both of shape `(pairs,)`, NaN where there is none.

    Raises `TableError` where there are not as many rewards as pairs.
    """
    margins = _margins(len(pairs), reward_chosen, reward_rejected)
    scored = np.isfinite(margins)
    # Of the texts only these stay: there may be hundreds of thousands of pairs.
    prompts, categories = list[str](), list[str]()
    lengths, firsts, labels = list[float](), list[float](), list[float]()
    for pair, is_scored in zip(pairs, scored, strict=True):
        if is_scored:
            prompts.append(pair.prompt_id)
            categories.append(pair.category)
            lengths.append(float(len(pair.chosen) - len(pair.rejected)))
            firsts.append(float(pair.is_chosen_first))
            labels.append(pair.p_chosen)
    margins, longer = margins[scored], np.array(lengths)
    clusters = numbered(prompts)
    sampler = Resampler.of(clusters, seed)
    outcomes = _Outcomes(_outcome(margins), _outcome(longer), np.array(firsts), clusters, sampler)
    return Accuracy(
        n_pairs=len(prompts),
        n_prompts=len(np.unique(clusters)),
        n_unscored=len(pairs) - len(prompts),
        n_draws=int(np.count_nonzero(margins == 0)),
        overall=outcomes.rules(np.ones(len(prompts), dtype=bool)),
        calibration=calibration(margins, np.array(labels), clusters, sampler),
        by_category=_by_category(outcomes, categories),
        by_length=tuple(_by_length(outcomes, longer)),
    )


def _margins(n: int, reward_chosen: ArrayLike, reward_rejected: ArrayLike) -> Floats:
    chosen, rejected = (np.asarray(side, float) for side in (reward_chosen, reward_rejected))
    if chosen.shape != (n,) or rejected.shape != (n,):
        raise TableError(
            f"{n} pairs have rewards of shapes {chosen.shape} and {rejected.shape}",
            "give each pair a reward for either side, NaN where there is none",
        )
    with np.errstate(invalid="ignore"):  # an infinite reward on both sides is none
        margins: Floats = chosen - rejected
    return margins


def _outcome(margins: Floats) -> Floats:
    outcome: Floats = (np.sign(margins) + 1) / 2
    return outcome


def _by_category(outcomes: _Outcomes, categories: Sequence[str]) -> dict[str, Rules]:
    names = np.array(categories, dtype=str)
    return {str(name): outcomes.rules(names == name) for name in np.unique(names)}


def _by_length(outcomes: _Outcomes, longer: Floats) -> Iterable[dict[str, Any]]:
    if not len(longer):
        return
    cuts = np.quantile(longer, np.linspace(0, 1, QUANTILES + 1))
    part = np.clip(np.searchsorted(cuts, longer, side="right") - 1, 0, QUANTILES - 1)
    for number in np.unique(part):
        rows = part == number
        ends = {"from": int(longer[rows].min()), "to": int(longer[rows].max())}
        yield ends | asdict(outcomes.rules(rows))


BINS = 5  # of equal width, from 0.5 to 1
_LEAST = 0.5


@dataclass(frozen=True, slots=True)
class Calibration:
    """`log_loss` in nats a pair (log 2 is the loss of a coin); `ece`, the expected calibration
    error (Naeini et al. 2015); `bins`, for each bin that has pairs, the mean `p` that the rewards
    give to the answer they prefer, and how often labels agree."""

    log_loss: Figure
    ece: Figure
    bins: tuple[dict[str, Any], ...]


def calibration(
    margins: Floats, p_chosen: Floats, clusters: Ints, sampler: Resampler
) -> Calibration:
    """Return the calibration of margins, reward of chosen less that of rejected, against labels.

    All have shape `(n,)`.
    """
    losses = np.logaddexp(0.0, margins) - p_chosen * margins
    p_preferred = sigmoid(np.abs(margins))
    # Where both rewards are the same, neither answer is preferred.
    label = np.where(margins == 0, _LEAST, np.where(margins > 0, p_chosen, 1 - p_chosen))
    bins = np.minimum(((p_preferred - _LEAST) / (1 - _LEAST) * BINS).astype(np.int64), BINS - 1)
    return Calibration(
        log_loss=sampler.mean(losses, clusters),
        ece=_ece(p_preferred - label, bins, clusters, sampler),
        bins=tuple(_reliability(p_preferred, label, bins, clusters, sampler)),
    )


def _ece(gaps: Floats, bins: Ints, clusters: Ints, sampler: Resampler) -> Figure:
    """Return the mean of |mean p - mean label| of the bins, weighted by their rows.

    Resampling adds noise that only ever raises it, so the resamples are shifted by their mean
    excess.
    """
    if not len(gaps):
        return NOTHING
    sums = sampler.cell_sums(clusters, bins, gaps, BINS)
    rows = sampler.sums(clusters, np.ones(len(gaps)))

    def mean_gap(drawn: Floats) -> Floats:
        error: Floats = np.abs(drawn[:, :-1]).sum(axis=1) / drawn[:, -1]
        return error

    return sampler.figure(np.hstack([sums, rows]), mean_gap, len(gaps), recentre=True)


def _reliability(
    p_preferred: Floats, label: Floats, bins: Ints, clusters: Ints, sampler: Resampler
) -> Iterable[dict[str, Any]]:
    for number in np.unique(bins):
        rows = bins == number
        agreement = share(label[rows], clusters[rows], sampler)
        yield {"p": float(p_preferred[rows].mean())} | agreement.as_dict()
