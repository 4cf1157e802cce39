"""Train a reward head: embeddings of both sides of every pair, then one small fit."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from prefline.config import RewardHeadParams
from tasks.train.trainers import (
    Trainer,
    TrainingJob,
    TrainingResult,
    conversations_of,
    require_rows,
)

if TYPE_CHECKING:
    from prefline.llm import EmbeddingRequest
    from prefline.reward.head import Embeddings, FittedHead


def train_head(job: TrainingJob[RewardHeadParams]) -> TrainingResult:
    """Train a head on preferences.

    A pair of which a side could not be embedded is left out, and counted with its reason. Raises
    `TableError` where too few are left, and what the engine raises.
    """
    # Here, so that reading params, which loads the declaration below, does not import NumPy.
    import numpy as np

    from prefline.reward.head import embed, fit_head
    from prefline.reward.models import HEAD

    rows, params = job.rows, job.params
    require_rows(rows)
    embeddings = embed(job.asked_engine(), params, conversations_of(rows))
    pairs, left_out = embedded_pairs(embeddings, len(rows))
    vector_of = {place: number for number, place in enumerate(embeddings.places)}
    chosen = embeddings.vectors[[vector_of[2 * pair] for pair in pairs]]
    rejected = embeddings.vectors[[vector_of[2 * pair + 1] for pair in pairs]]
    p_chosen = np.array([rows[pair]["p_chosen"] for pair in pairs], dtype=np.float64)
    prompts = [rows[pair]["prompt_id"] for pair in pairs]
    fitted = fit_head(chosen - rejected, p_chosen, prompts, params.ridges, params.folds)
    fitted.head.save(job.draft / HEAD)
    return TrainingResult(
        params.endpoint.model, _figures(fitted, prompts, left_out), _curve(fitted)
    )


def embedded_pairs(embeddings: Embeddings, n_pairs: int) -> tuple[list[int], dict[str, int]]:
    """Return the pairs of which both sides were embedded, and the number of others by reason."""
    pairs, left_out = list[int](), dict[str, int]()
    for pair in range(n_pairs):
        failure = embeddings.failures.get(2 * pair) or embeddings.failures.get(2 * pair + 1)
        if failure is None:
            pairs.append(pair)
        else:
            left_out[failure.reason] = left_out.get(failure.reason, 0) + 1
    return pairs, left_out


def _figures(
    fitted: FittedHead, prompts: Sequence[str], left_out: dict[str, int]
) -> dict[str, Any]:
    return {
        "pairs": len(prompts),
        "prompts": len(set(prompts)),
        "dimensions": len(fitted.head.weights),
        "ridge": fitted.ridge,
        "held_out_loss": fitted.losses[fitted.ridge],
        "loss_of_knowing_nothing": math.log(2),
        "left_out": left_out,
    }


def _curve(fitted: FittedHead) -> list[dict[str, float]]:
    """Return the loss by penalty, in the order of growing penalties."""
    return [
        {"step": step, "ridge": ridge, "loss": loss}
        for step, (ridge, loss) in enumerate(sorted(fitted.losses.items()))
    ]


def embedding_requests(
    params: RewardHeadParams, rows: Sequence[dict[str, Any]]
) -> Iterator[EmbeddingRequest]:
    """Yield what training asks about some pairs."""
    from prefline.reward.head import embedding_request

    for conversation in conversations_of(rows):
        yield embedding_request(params, conversation)


REWARD_HEAD = Trainer(
    name="reward_head",
    params=RewardHeadParams,
    train=train_head,
    produces="reward_head",
    card="A reward head: a linear Bradley-Terry model on frozen embeddings. A conversation's "
    "reward is the product of `head.npy` with the embedding of its transcript by the model below.",
    endpoints=lambda params: (params.endpoint,),
    requests=embedding_requests,
)
