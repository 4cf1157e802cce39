"""A reward head: Bradley-Terry on frozen embeddings.

With e(x, y) the embedding of a prompt x with an answer y, the reward is r(x, y) = w . e(x, y), and
(Bradley and Terry 1952) the probability that chosen is better is sigmoid(r_chosen - r_rejected):
logistic regression on the difference of two embeddings, without an intercept, since what is called
first carries no information. Labels are the calibrated probabilities themselves, not their signs: a
pair of p_chosen 0.6 pulls a fifth as much as one that is certain. The penalty (ridge) is chosen by
cross-validation over whole prompts, so that rewards are not overconfident; where the pairs are more
than fit into memory (`vectors.IN_MEMORY`), over as many of the prompts, drawn by hash, as do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from prefline.config import RewardHeadParams
from prefline.errors import EndpointError, TableError
from prefline.ids import lot
from prefline.llm import EmbeddingRequest, Engine, Failure
from prefline.reward.vectors import Vectors
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
    differences: Vectors,
    p_chosen: Floats,
    prompts: pa.Array[Any],
    ridges: Sequence[float],
    folds: int,
) -> FittedHead:
    """Fit a head to embeddings of chosen minus those of rejected, `(pairs, dimensions)`.

    `p_chosen` are the labels, shape `(pairs,)`, and `prompts` the pairs' prompts: all pairs of one
    are in one fold. Raises `TableError` if there are fewer than two prompts.
    """
    encoded = prompts.dictionary_encode()
    prompt = encoded.indices.to_numpy(zero_copy_only=False)
    order = _hash_order(encoded.dictionary)
    if len(order) < 2:  # noqa: PLR2004
        raise TableError(
            f"a reward head needs pairs of two prompts at least; there are {len(order)}",
            "publish more preferences",
        )
    rows = _Scaled(differences, _spread(differences))
    compared = first_prompts(prompt, order, differences.rows_at_once)
    x, labels = rows.take(compared), p_chosen[compared]
    fold = order[prompt[compared]] % min(folds, len(order))
    losses = {ridge: _held_out_loss(x, labels, fold, ridge) for ridge in sorted(ridges)}
    best = min(losses, key=lambda ridge: (losses[ridge], -ridge))
    # Rows in memory are all compared, and need not be scaled again.
    weights = fit_dense([x] if differences.in_memory else rows, p_chosen, best)
    return FittedHead(RewardHead(weights / rows.spread), best, losses)


@dataclass(frozen=True, slots=True)
class _Scaled:
    """Differences in units of their `spread`, in blocks."""

    differences: Vectors
    spread: float

    def __iter__(self) -> Iterator[Floats]:
        return (block / self.spread for block in self.differences)

    def take(self, places: Ints) -> Floats:
        return self.differences.take(places) / self.spread


def loss_of(differences: Floats, p_chosen: Floats) -> float:
    """Return the mean cross-entropy, in nats a pair, of reward differences and the labels."""
    return float(np.mean(cross_entropy(differences, p_chosen)))


def _spread(differences: Vectors) -> float:
    """Return one scale for all dimensions: the root mean square length of a difference.

    With it a ridge means the same for any embedding model.
    """
    squares = np.concatenate([np.sum(block**2, axis=1) for block in differences])
    return max(float(np.sqrt(np.mean(squares))), _LEAST_SPREAD)


def _hash_order(prompts: pa.Array[Any]) -> Ints:
    """Return the place of each of different prompts in the order of their hashes, `(prompts,)`."""
    names = prompts.to_pylist()
    order = sorted(range(len(names)), key=lambda at: (lot("fold", names[at]), names[at]))
    places = np.empty(len(names), dtype=np.int64)
    places[order] = np.arange(len(names))
    return places


def first_prompts(prompt: Ints, order: Ints, most: int) -> Ints:
    """Return the rows, in their order, of as many prompts as have no more than `most` rows
    together, taken in `order`; `prompt` is each row's. Of two prompts at least."""
    rows_of = np.bincount(order[prompt], minlength=len(order))
    last = max(2, int(np.searchsorted(np.cumsum(rows_of), most, side="right")))
    return np.flatnonzero(order[prompt] < last)


def _held_out_loss(scaled: Floats, p_chosen: Floats, fold: Ints, ridge: float) -> float:
    differences = np.zeros(len(p_chosen))
    for number in np.unique(fold):
        held_out = fold == number
        weights = fit_dense([scaled[~held_out]], p_chosen[~held_out], ridge)
        differences[held_out] = scaled[held_out] @ weights
    return loss_of(differences, p_chosen)


@dataclass(frozen=True, slots=True)
class Embeddings:
    """Embeddings of n conversations, with a row of zeros for each that has none.

    `failed`, shape `(n,)`, is 0 for those that have one, else 1 + the place of the reason in
    `reasons`. `vectors` is None where none has.
    """

    vectors: Vectors | None
    failed: Ints
    reasons: tuple[str, ...]

    def differences(self, pairs: Ints, folder: Path) -> Vectors:
        """Return the embeddings of the first of each pair minus those of the second; `pairs`, shape
        `(pairs, 2)`, are numbers of conversations. What memory does not hold goes to `folder`."""
        vectors = self.vectors
        assert vectors is not None, "no pair has embeddings"
        found = Vectors(len(pairs), vectors.shape[1], folder)
        for start in range(0, len(pairs), found.rows_at_once):
            chosen, rejected = pairs[start : start + found.rows_at_once].T
            found.append(vectors.take(chosen) - vectors.take(rejected))
        return found


def embedding_request(params: RewardHeadParams, conversation: Conversation) -> EmbeddingRequest:
    """Return the request for a conversation's embedding."""
    return EmbeddingRequest(params.endpoint.model, transcript(conversation, params.max_characters))


def embed(
    engine: Engine, params: RewardHeadParams, conversations: Iterable[Conversation]
) -> Iterator[Sequence[float] | Failure]:
    """Yield the embedding of each conversation by the endpoint of `params`, or its failure; each
    text is paid for once.

    Raises `EndpointError` if all of them fail or if vectors differ in length, and what the engine
    raises.
    """
    requests = (embedding_request(params, conversation) for conversation in conversations)
    model, length = params.endpoint.model, 0
    failure: Failure | None = None
    for outcome in engine.answer(requests):
        if isinstance(outcome, Failure):
            failure = failure or outcome
            yield outcome
            continue
        if length not in (0, len(outcome.vector)):
            raise EndpointError(
                f"{model} gave embeddings of different lengths",
                "see that all replicas of train.endpoint serve the same model",
                endpoint=model,
            )
        length = len(outcome.vector)
        yield outcome.vector
    if failure is not None and not length:
        raise EndpointError(
            f"{model} gave no embedding: {failure.reason}: {failure.detail}",
            "name an endpoint that serves /embeddings under train.endpoint",
            endpoint=model,
        )


def embed_all(
    engine: Engine,
    params: RewardHeadParams,
    conversations: Iterable[Conversation],
    count: int,
    folder: Path,
) -> Embeddings:
    """Collect the embeddings of `count` conversations; what memory does not hold goes to `folder`.
    Raises what `embed` does, and `DiskFull`."""
    failed, reasons = np.zeros(count, dtype=np.int64), dict[str, int]()
    vectors: Vectors | None = None
    waiting = 0  # rows of failures before the first vector, whose length is not known yet
    for place, found in enumerate(embed(engine, params, conversations)):
        if isinstance(found, Failure):
            failed[place] = reasons.setdefault(found.reason, len(reasons) + 1)
            if vectors is None:
                waiting += 1
            else:
                vectors.append(np.zeros((1, vectors.shape[1])))
            continue
        if vectors is None:
            vectors = Vectors(count, len(found), folder)
            vectors.append(np.zeros((waiting, len(found))))
        vectors.append([found])
    return Embeddings(vectors, failed, tuple(reasons))
