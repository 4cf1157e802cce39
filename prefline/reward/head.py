"""A reward head: Bradley-Terry on frozen embeddings.

With e(x, y) the embedding of a prompt x with an answer y, the reward is r(x, y) = w . e(x, y), and
(Bradley and Terry 1952) the probability that chosen is better is sigmoid(r_chosen - r_rejected):
logistic regression on the difference of two embeddings, without an intercept, since what is called
first carries no information. Labels are the calibrated probabilities themselves, not their signs: a
pair of p_chosen 0.6 pulls a fifth as much as one that is certain. The penalty (ridge) is chosen by
cross-validation over whole prompts, so that rewards are not overconfident.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from prefline.config import RewardHeadParams
from prefline.errors import EndpointError, TableError
from prefline.ids import lot
from prefline.llm import EmbeddingRequest, Engine, Failure
from prefline.stats import Floats, Ints
from prefline.stats.logistic import cross_entropy, fit_dense
from prefline.tables.messages import Conversation, transcript

_LEAST_SPREAD = 1e-12


@dataclass(frozen=True, slots=True)
class RewardHead:
    """`weights`, shape `(dimensions,)`: reward = weights . embedding."""

    weights: Floats

    def rewards(self, embeddings: Floats) -> Floats:
        """Return rewards, shape `(n,)`, of embeddings of shape `(n, dimensions)`.

        Raises `TableError` where these are of another model.
        """
        if embeddings.shape[-1] != len(self.weights):
            raise TableError(
                f"the reward head takes embeddings of {len(self.weights)} dimensions, not "
                f"{embeddings.shape[-1]}",
                "embed with the model that it was trained with, or train it anew",
            )
        rewards: Floats = embeddings @ self.weights
        return rewards

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
class FittedHead:
    """A head, its ridge, and the cross-validated loss of each ridge.

    Losses are in nats a pair; log 2 is the loss of a coin.
    """

    head: RewardHead
    ridge: float
    losses: dict[float, float]


def fit_head(
    differences: Floats,
    p_chosen: Floats,
    prompts: Sequence[str],
    ridges: Sequence[float],
    folds: int,
) -> FittedHead:
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
    return FittedHead(RewardHead(fit_dense(scaled, p_chosen, best) / spread), best, losses)


def loss_of(differences: Floats, p_chosen: Floats) -> float:
    """Return the mean cross-entropy, in nats a pair, of reward differences and the labels."""
    return float(np.mean(cross_entropy(differences, p_chosen)))


def _spread(differences: Floats) -> float:
    """Return one scale for all dimensions: the root mean square length of a difference.

    With it a ridge means the same for any embedding model.
    """
    return max(float(np.sqrt(np.mean(np.sum(differences**2, axis=1)))), _LEAST_SPREAD)


def _folds(prompts: Sequence[str], folds: int) -> Ints:
    """Return the fold of each pair, shape `(pairs,)`: prompts in the order of their hashes."""
    order = sorted(set(prompts), key=lambda prompt: (lot("fold", prompt), prompt))
    fold_of = {prompt: number % min(folds, len(order)) for number, prompt in enumerate(order)}
    return np.array([fold_of[prompt] for prompt in prompts], dtype=np.int64)


def _held_out_loss(scaled: Floats, p_chosen: Floats, fold: Ints, ridge: float) -> float:
    differences = np.zeros(len(p_chosen))
    for number in np.unique(fold):
        held_out = fold == number
        weights = fit_dense(scaled[~held_out], p_chosen[~held_out], ridge)
        differences[held_out] = scaled[held_out] @ weights
    return loss_of(differences, p_chosen)


@dataclass(frozen=True, slots=True)
class Embeddings:
    """Vectors, shape `(places, dimensions)`, of the conversations at `places`; `failures` has
    those of the others."""

    places: tuple[int, ...]
    vectors: Floats
    failures: dict[int, Failure]


def embedding_request(params: RewardHeadParams, conversation: Conversation) -> EmbeddingRequest:
    """Return the request for a conversation's embedding."""
    return EmbeddingRequest(params.endpoint.model, transcript(conversation, params.max_characters))


def embed(
    engine: Engine, params: RewardHeadParams, conversations: Iterable[Conversation]
) -> Embeddings:
    """Embed conversations by the endpoint of `params`; each text is paid for once.

    Raises `EndpointError` if all of them fail or if vectors differ in length, and what the engine
    raises.
    """
    requests = (embedding_request(params, conversation) for conversation in conversations)
    places, lengths, failures = list[int](), set[int](), dict[int, Failure]()
    numbers = array("d")  # eight bytes each, where a list of floats takes 32
    for place, outcome in enumerate(engine.answer(requests)):
        if isinstance(outcome, Failure):
            failures[place] = outcome
        else:
            places.append(place)
            lengths.add(len(outcome.vector))
            numbers.extend(outcome.vector)
    _check_vectors(params.endpoint.model, lengths, failures)
    vectors = np.frombuffer(numbers, dtype=np.float64).reshape(len(places), max(lengths, default=0))
    return Embeddings(tuple(places), vectors, failures)


def _check_vectors(model: str, lengths: set[int], failures: dict[int, Failure]) -> None:
    if not lengths and failures:
        first = next(iter(failures.values()))
        raise EndpointError(
            f"{model} gave no embedding: {first.reason}: {first.detail}",
            "name an endpoint that serves /embeddings under train.endpoint",
            endpoint=model,
        )
    if len(lengths) > 1:
        raise EndpointError(
            f"{model} gave embeddings of different lengths",
            "see that all replicas of train.endpoint serve the same model",
            endpoint=model,
        )
