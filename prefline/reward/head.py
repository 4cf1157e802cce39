"""A reward head: Bradley-Terry on frozen embeddings.

With e(x, y) the embedding of a prompt x with an answer y, the reward is r(x, y) = w . e(x, y), and
(Bradley and Terry 1952) the probability that chosen is better is sigmoid(r_chosen - r_rejected):
logistic regression on the difference of two embeddings, without an intercept, since what is called
first says nothing. Labels are the calibrated probabilities themselves, not their signs: a pair of
p_chosen 0.6 pulls a fifth as much as one that is certain. The penalty (ridge) is what
cross-validation over whole prompts finds best, so that rewards are not surer than they should be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from prefline.errors import TableError
from prefline.ids import lot
from prefline.stats import Floats, Ints
from prefline.stats.logistic import cross_entropy, fit_dense

_LEAST_SPREAD = 1e-12


@dataclass(frozen=True, slots=True)
class RewardHead:
    """`weights`, shape `(dimensions,)`: reward = weights . embedding."""

    weights: Floats

    def rewards(self, embeddings: Floats) -> Floats:
        """Rewards, shape `(n,)`, of embeddings of shape `(n, dimensions)`.

        Raises `TableError` where these are of another model.
        """
        if embeddings.shape[-1] != len(self.weights):
            raise TableError(
                f"the reward head takes embeddings of {len(self.weights)} dimensions, not "
                f"{embeddings.shape[-1]}",
                "embed with the model that it was trained with, or train it anew",
            )
        found: Floats = embeddings @ self.weights
        return found

    def save(self, path: Path) -> None:
        """Write the head, byte-identical for identical weights."""
        with path.open("wb") as file:
            np.save(file, self.weights, allow_pickle=False)

    @staticmethod
    def load(path: Path) -> RewardHead:
        """Read a head that `save` wrote. Raises `TableError` for anything else."""
        try:
            weights = np.load(path, allow_pickle=False)
        except (OSError, ValueError) as error:
            raise TableError(
                f"{path} is no reward head: {error}", "run `dvc repro train`"
            ) from error
        return RewardHead(weights.astype(np.float64))


@dataclass(frozen=True, slots=True)
class Fitted:
    """A head, the ridge it was given, and the cross-validated loss of each ridge in nats a pair
    (log 2 is what knowing nothing costs)."""

    head: RewardHead
    ridge: float
    losses: dict[float, float]


def fit_head(
    differences: Floats,
    p_chosen: Floats,
    prompts: Sequence[str],
    ridges: Sequence[float],
    folds: int,
) -> Fitted:
    """Fit a head to embeddings of chosen minus those of rejected, shape `(pairs, dimensions)`.

    `p_chosen` are the labels, shape `(pairs,)`, and `prompts` the pairs' prompts: all pairs of one
    are in one fold. Raises `TableError` if there are fewer than two prompts.
    """
    if len(set(prompts)) < 2:  # noqa: PLR2004
        raise TableError(
            f"a reward head needs pairs of two prompts at least; there are {len(set(prompts))}",
            "publish more preferences",
        )
    spread = _spread(differences)
    scaled = differences / spread
    fold = _folds(prompts, folds)
    losses = {ridge: _held_out_loss(scaled, p_chosen, fold, ridge) for ridge in sorted(ridges)}
    best = min(losses, key=lambda ridge: (losses[ridge], -ridge))
    return Fitted(RewardHead(fit_dense(scaled, p_chosen, best) / spread), best, losses)


def loss_of(differences: Floats, p_chosen: Floats) -> float:
    """Return the mean cross-entropy, in nats a pair, of reward differences and the labels."""
    return float(np.mean(cross_entropy(differences, p_chosen)))


def _spread(differences: Floats) -> float:
    """One scale for all dimensions, so that a ridge means the same for any model: the root mean
    square length of a difference."""
    return max(float(np.sqrt(np.mean(np.sum(differences**2, axis=1)))), _LEAST_SPREAD)


def _folds(prompts: Sequence[str], folds: int) -> Ints:
    """The fold of each pair, shape `(pairs,)`: prompts dealt out in the order of their hashes."""
    dealt = sorted(set(prompts), key=lambda prompt: (lot("fold", prompt), prompt))
    place = {prompt: number % min(folds, len(dealt)) for number, prompt in enumerate(dealt)}
    return np.array([place[prompt] for prompt in prompts], dtype=np.int64)


def _held_out_loss(scaled: Floats, p_chosen: Floats, fold: Ints, ridge: float) -> float:
    rewards = np.zeros(len(p_chosen))
    for number in np.unique(fold):
        out = fold == number
        rewards[out] = scaled[out] @ fit_dense(scaled[~out], p_chosen[~out], ridge)
    return loss_of(rewards, p_chosen)
