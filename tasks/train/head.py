"""Training a reward head: embeddings of both sides of every pair, then one small fit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from prefline.config import RewardHeadParams
from prefline.errors import TableError
from prefline.llm import Engine
from prefline.reward.embed import Embedded, embed
from prefline.reward.head import Fitted, fit_head
from prefline.tables.messages import Conversation, answered
from tasks.train.made import Made

HEAD = "head.npy"


def train_head(
    engine: Engine, params: RewardHeadParams, rows: Sequence[dict[str, Any]], draft: Path
) -> Made:
    """Train a head on preferences and write it to `draft`.

    A pair of which a side could not be embedded is left out, and counted with its reason. Raises
    `TableError` where too few are left, and what the engine raises.
    """
    if not rows:
        raise TableError(
            "the version has no preferences to train on", "publish preferences of the split train"
        )
    found = embed(engine, params, sides(rows))
    pairs, reasons = whole_pairs(found, len(rows))
    at = {place: number for number, place in enumerate(found.places)}
    chosen = found.vectors[[at[2 * pair] for pair in pairs]]
    rejected = found.vectors[[at[2 * pair + 1] for pair in pairs]]
    kept = [rows[pair] for pair in pairs]
    p_chosen = np.array([row["p_chosen"] for row in kept], dtype=np.float64)
    prompts = [row["prompt_id"] for row in kept]
    fitted = fit_head(chosen - rejected, p_chosen, prompts, params.ridges, params.folds)
    fitted.head.save(draft / HEAD)
    return Made(
        "reward_head", params.endpoint.model, _figures(fitted, prompts, reasons), _curve(fitted)
    )


def sides(rows: Sequence[dict[str, Any]]) -> list[Conversation]:
    """Both sides of every pair, chosen first: twice as many conversations as rows."""
    return [
        answered(row["prompt"], row[side][0]["content"])
        for row in rows
        for side in ("chosen", "rejected")
    ]


def whole_pairs(found: Embedded, n_pairs: int) -> tuple[list[int], dict[str, int]]:
    """The pairs of which both sides were embedded, and how many others there are by reason."""
    reasons: dict[str, int] = {}
    kept = []
    for pair in range(n_pairs):
        failure = found.failures.get(2 * pair) or found.failures.get(2 * pair + 1)
        if failure is None:
            kept.append(pair)
        else:
            reasons[failure.reason] = reasons.get(failure.reason, 0) + 1
    return kept, reasons


def _figures(fitted: Fitted, prompts: Sequence[str], left_out: dict[str, int]) -> dict[str, Any]:
    return {
        "pairs": len(prompts),
        "prompts": len(set(prompts)),
        "dimensions": len(fitted.head.weights),
        "ridge": fitted.ridge,
        "held_out_loss": fitted.losses[fitted.ridge],
        "loss_of_knowing_nothing": float(np.log(2)),
        "left_out": left_out,
    }


def _curve(fitted: Fitted) -> list[dict[str, float]]:
    """The loss by penalty, in the order of growing penalties."""
    return [
        {"step": step, "ridge": ridge, "loss": loss}
        for step, (ridge, loss) in enumerate(sorted(fitted.losses.items()))
    ]
