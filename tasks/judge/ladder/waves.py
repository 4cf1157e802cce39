"""Whom to ask what next."""

from __future__ import annotations

import math
from collections.abc import Iterable

from prefline.ids import content_hash
from prefline.labeling import fit_labels
from tasks.judge.ladder.gains import NOBODY, climb
from tasks.judge.ladder.open_pairs import OpenPairs, open_pairs
from tasks.judge.ladder.pilot import pilot_questions
from tasks.judge.ladder.questions import History, Ladder, Question


def next_wave(ladder: Ladder, history: History) -> list[Question]:
    """The questions to ask at once; none where judging is at its end.

    First the pilot. Then every question that could be asked about an open pair, whatever the
    answers, is ranked by the labels that it promises to put right per cost, and those that are
    worth it and within the budget are marked. Of these each wave asks about a pair only what
    does best together, since its answers may make the rest needless; the last one asks all.
    So a budget that is too small for all is not gone before the pairs that need most have
    shown themselves.
    """
    if history.waves >= ladder.params.max_waves:
        return []
    if history.waves == 0:
        wanted = pilot_questions(ladder, {one.pair_id for one in history.evidence if one.verified})
        asked = frozenset(history.asked)
        return _affordable(ladder, history, (one for one in wanted if one not in asked))
    ranked, now = _ranked(ladder, history)
    within = _affordable(ladder, history, ranked)
    if history.waves == ladder.params.max_waves - 1:
        return within
    return [question for question in within if question in now]


def _affordable(ladder: Ladder, history: History, wanted: Iterable[Question]) -> list[Question]:
    """The first of `wanted` that the budget has room for, each at its highest price."""
    params, taken = ladder.params, list[Question]()
    price = {rung.judge: (rung.calls, rung.usd) for rung in ladder.rungs}
    calls = sum(price[question.judge][0] for question in history.asked)
    usd = history.usd
    for question in wanted:
        calls, usd = calls + price[question.judge][0], usd + price[question.judge][1]
        if calls > _limit(params.max_calls) or usd > _limit(params.max_usd):
            break
        taken.append(question)
    return taken


def _limit(most: float | None) -> float:
    return math.inf if most is None else most


def _ranked(ladder: Ladder, history: History) -> tuple[list[Question], set[Question]]:
    """Every further question that is worth its cost, the most promising first, and those of
    them to ask now."""
    evidence = sorted(history.evidence, key=lambda one: one.pair_id)
    prospect = fit_labels(evidence)
    if prospect is None:
        return [], set()
    still = open_pairs(ladder, history, evidence, prospect)
    if not still.left:
        return [], set()
    cost = {rung.judge: one for rung, one in zip(ladder.rungs, ladder.costs, strict=True)}
    voices = [prospect.annotator_of[judge] for judge in still.judges]
    found = climb(prospect, still.standing, voices, [cost[judge] for judge in still.judges])
    paths = _paths(still, found.judge.tolist())
    gains, together = found.gain.tolist(), found.together.tolist()
    ranked = sorted(
        (-gain, ticket, step, path[step])
        for path, row in zip(paths, gains, strict=True)
        for ticket in [content_hash(path[0].pair_id)]  # drawn among those that promise as much
        for step, gain in enumerate(row[: len(path)])
        if gain >= ladder.params.min_gain
    )
    now = {one for path, first in zip(paths, together, strict=True) for one in path[:first]}
    return [question for *_, question in ranked], now


def _paths(still: OpenPairs, judges: list[list[int]]) -> list[list[Question]]:
    """The questions about each pair in the order of its climb."""
    paths = []
    for questions, order in zip(still.left, judges, strict=True):
        stacks = [iter(of_judge) for of_judge in questions]
        paths.append([next(stacks[judge]) for judge in order if judge != NOBODY])
    return paths
