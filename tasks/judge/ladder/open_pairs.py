"""The pairs whose label is still open, and what could still be asked about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from prefline.ids import content_hash
from prefline.labeling import Evidence, FittedLabels
from tasks.judge.ladder.gains import Standing
from tasks.judge.ladder.questions import History, Ladder, Question, Rung


@dataclass(frozen=True, slots=True)
class OpenPairs:
    """`left` holds for each of n pairs, in the order of their ids, and each of J `judges` the
    questions that were not asked yet; `standing` says the same in numbers."""

    judges: list[str]
    left: list[list[list[Question]]]
    standing: Standing


def open_pairs(
    ladder: Ladder, history: History, evidence: Sequence[Evidence], prospect: FittedLabels
) -> OpenPairs:
    """The pairs that neither a verifier nor the judges have decided, and about which a judge that
    has answered before could be asked. `evidence` is what `prospect` was fitted to."""
    rungs = [rung for rung in ladder.rungs if rung.judge in prospect.annotator_of]
    row_of = {one.pair_id: row for row, one in enumerate(evidence)}
    closed = _closed(evidence, prospect, ladder.params.stop_at)
    asked = frozenset(history.asked)
    rows, left = [], []
    for pair in ladder.pair_ids:
        questions = [_left(rung, pair, asked, ladder.seed) for rung in rungs]
        if pair not in closed and any(questions):
            rows.append(row_of.get(pair, len(evidence)))
            left.append(questions)
    standing = Standing(
        # A pair that nobody has spoken of stands at 0, with no answers.
        np.append(prospect.deviate, 0.0)[rows],
        np.vstack([prospect.count, np.zeros_like(prospect.count[:1])])[rows],
        np.array([[len(one) for one in questions] for questions in left], dtype=np.int64),
    )
    return OpenPairs([rung.judge for rung in rungs], left, standing)


def _closed(evidence: Sequence[Evidence], prospect: FittedLabels, stop_at: float) -> set[str]:
    p_wrong = 1 / (1 + np.exp(np.abs(prospect.log_odds)))
    return {
        one.pair_id
        for one, p in zip(evidence, p_wrong.tolist(), strict=True)
        if one.verified or p <= 1 - stop_at
    }


def _left(rung: Rung, pair: str, asked: frozenset[Question], seed: int) -> list[Question]:
    """What a judge was not asked yet, in an order drawn by hash."""
    orders = sorted(rung.askable.get(pair, ()))
    if len(orders) > 1 and int(content_hash([seed, rung.judge, pair])[-1], 16) % 2:
        orders.reverse()
    every = (Question(rung.judge, pair, order) for order in orders)
    return [question for question in every if question not in asked]
