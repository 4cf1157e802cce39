"""How often a reward model prefers the answer that was found better, and how sure it may be.

Beside it stand two rules that know nothing of quality, on the same pairs: the longer answer wins,
and the first wins, in an order drawn by a hash. The gain over the longer one is paired.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from prefline.errors import TableError
from prefline.stats import Bools, Floats, Ints
from prefline.stats.bootstrap import Figure, Resampler
from tasks.evaluate.clusters import gain, numbered, share
from tasks.evaluate.labelled import LabelledPair
from tasks.evaluate.sureness import Sureness, sureness

QUANTILES = 4


@dataclass(frozen=True, slots=True)
class Rules:
    """Shares of pairs on which the better answer wins, by three rules, a draw counting half; and
    what the rewards gain over the longer one."""

    accuracy: Figure
    longer_wins: Figure
    first_wins: Figure
    over_longer: Figure


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
    sureness: Sureness
    by_category: dict[str, Rules]
    by_length: tuple[dict[str, Any], ...]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class _Marks:
    """Outcomes of n pairs by three rules: 1 right, 0 wrong, 0.5 drawn, each shape `(n,)`."""

    rewards: Floats
    longer: Floats
    first: Floats
    clusters: Ints
    sampler: Resampler

    def rules(self, rows: Bools) -> Rules:
        """The figures of the pairs where `rows` holds."""
        where, sampler = self.clusters[rows], self.sampler
        return Rules(
            accuracy=share(self.rewards[rows], where, sampler),
            longer_wins=share(self.longer[rows], where, sampler),
            first_wins=share(self.first[rows], where, sampler),
            over_longer=gain(self.rewards[rows], self.longer[rows], where, sampler),
        )


def accuracy(
    pairs: Sequence[LabelledPair],
    reward_chosen: ArrayLike,
    reward_rejected: ArrayLike,
    seed: int = 0,
) -> Accuracy:
    """The figures of rewards, both of shape `(pairs,)`, NaN where there is none.

    Raises `TableError` where there are not as many rewards as pairs.
    """
    margins = _margins(len(pairs), reward_chosen, reward_rejected)
    scored = np.isfinite(margins)
    tried = [pair for pair, is_in in zip(pairs, scored, strict=True) if is_in]
    margins, longer = margins[scored], _longer(tried)
    clusters = numbered([pair.prompt_id for pair in tried])
    sampler = Resampler.of(clusters, seed)
    first = np.array([float(pair.is_chosen_first) for pair in tried])
    marks = _Marks(_outcome(margins), _outcome(longer), first, clusters, sampler)
    labels = np.array([pair.p_chosen for pair in tried])
    return Accuracy(
        n_pairs=len(tried),
        n_prompts=len(np.unique(clusters)),
        n_unscored=len(pairs) - len(tried),
        n_draws=int(np.count_nonzero(margins == 0)),
        overall=marks.rules(np.ones(len(tried), dtype=bool)),
        sureness=sureness(margins, labels, clusters, sampler),
        by_category=_by_category(marks, [pair.category for pair in tried]),
        by_length=tuple(_by_length(marks, longer)),
    )


def _margins(n: int, reward_chosen: ArrayLike, reward_rejected: ArrayLike) -> Floats:
    chosen, rejected = (np.asarray(side, float) for side in (reward_chosen, reward_rejected))
    if chosen.shape != (n,) or rejected.shape != (n,):
        raise TableError(
            f"{n} pairs have rewards of shapes {chosen.shape} and {rejected.shape}",
            "give each pair a reward for either side, NaN where there is none",
        )
    with np.errstate(invalid="ignore"):  # an infinite reward on both sides is none
        found: Floats = chosen - rejected
    return found


def _outcome(margins: Floats) -> Floats:
    found: Floats = (np.sign(margins) + 1) / 2
    return found


def _longer(pairs: Iterable[LabelledPair]) -> Floats:
    """By how many characters the better answer is longer, shape `(pairs,)`."""
    return np.array([float(len(pair.chosen) - len(pair.rejected)) for pair in pairs])


def _by_category(marks: _Marks, categories: Sequence[str]) -> dict[str, Rules]:
    names = np.array(categories, dtype=str)
    return {str(name): marks.rules(names == name) for name in np.unique(names)}


def _by_length(marks: _Marks, longer: Floats) -> Iterable[dict[str, Any]]:
    if not len(longer):
        return
    cuts = np.quantile(longer, np.linspace(0, 1, QUANTILES + 1))
    part = np.clip(np.searchsorted(cuts, longer, side="right") - 1, 0, QUANTILES - 1)
    for number in np.unique(part):
        rows = part == number
        ends = {"from": int(longer[rows].min()), "to": int(longer[rows].max())}
        yield ends | asdict(marks.rules(rows))
