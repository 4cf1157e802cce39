"""Train a reward head: embeddings of both sides of every pair, then one small fit."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from prefline.config import RewardHeadParams
from tasks.train.trainers import Trainer, TrainingJob, TrainingResult, require_rows

if TYPE_CHECKING:
    from prefline.llm import EmbeddingRequest
    from prefline.reward.head import Embeddings, FittedHead
    from prefline.reward.version import Preferences
    from prefline.stats import Ints


def train_head(job: TrainingJob[RewardHeadParams]) -> TrainingResult:
    """Train a head on preferences; each different conversation is embedded once.

    A pair of which a side could not be embedded is left out, and counted with its reason. Raises
    `TableError` where too few are left, and what the engine raises.
    """
    # Here, so that reading params, which loads the declaration below, does not import NumPy.
    from prefline.reward.head import embed_all, fit_head
    from prefline.reward.models import HEAD

    rows, params, scratch = job.rows, job.params, job.root / ".prefline" / "training"
    require_rows(rows)
    asked = rows.conversations
    embeddings = embed_all(job.asked_engine(), params, asked, len(asked), scratch)
    pairs, left_out = embedded_pairs(embeddings, asked.numbers)
    labels = rows.columns("prompt_id", "p_chosen").take(pairs)
    prompts = labels["prompt_id"].combine_chunks()
    fitted = fit_head(
        embeddings.differences(asked.numbers[pairs], scratch),
        labels["p_chosen"].to_numpy(),
        prompts,
        params.ridges,
        params.folds,
    )
    fitted.head.save(job.draft / HEAD)
    figures = _figures(fitted, len(prompts), len(prompts.unique()), left_out)
    return TrainingResult(params.endpoint.model, figures, _curve(fitted))


def embedded_pairs(embeddings: Embeddings, numbers: Ints) -> tuple[Ints, dict[str, int]]:
    """Return the pairs of which both conversations, `numbers` of shape `(pairs, 2)`, were embedded,
    and the number of others by reason."""
    import numpy as np

    failed = embeddings.failed[numbers]
    reason = np.where(failed[:, 0] > 0, failed[:, 0], failed[:, 1])
    counts = np.bincount(reason, minlength=len(embeddings.reasons) + 1)[1:].tolist()
    left_out = {name: n for name, n in zip(embeddings.reasons, counts, strict=True) if n}
    return np.flatnonzero(reason == 0), left_out


def _figures(
    fitted: FittedHead, pairs: int, prompts: int, left_out: dict[str, int]
) -> dict[str, Any]:
    return {
        "pairs": pairs,
        "prompts": prompts,
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


@dataclass(frozen=True, slots=True)
class EmbeddingRequests:
    """The requests for embeddings of some pairs."""

    params: RewardHeadParams
    rows: Preferences

    def __len__(self) -> int:
        return len(self.rows.conversations)

    def __iter__(self) -> Iterator[EmbeddingRequest]:
        from prefline.reward.head import embedding_request

        for conversation in self.rows.conversations:
            yield embedding_request(self.params, conversation)


REWARD_HEAD = Trainer(
    name="reward_head",
    params=RewardHeadParams,
    train=train_head,
    produces="reward_head",
    card="A reward head: a linear Bradley-Terry model on frozen embeddings. A conversation's "
    "reward is the product of `head.npy` with the embedding of its transcript by the model below.",
    endpoints=lambda params: (params.endpoint,),
    requests=EmbeddingRequests,
)
