"""Whom to ask what next."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import numpy as np

from prefline.ids import content_hash
from prefline.labels import look_ahead
from tasks.judge.ladder.gains import Climb, climb
from tasks.judge.ladder.open_pairs import OpenPairs, open_pairs
from tasks.judge.ladder.pilot import pilot_questions
from tasks.judge.ladder.questions import History, Ladder, Question


def next_wave(ladder: Ladder, history: History) -> list[Question]:
    """The questions to ask at once; none where judging is at its end.

    First the pilot, then for every open pair the questions that together promise most per cost;
    the last wave that is allowed asks all that are worth their cost. What promises least comes
    last, so that a budget that runs out was spent on the best.
    """
    if history.waves >= ladder.params.max_waves:
        return []
    if history.waves == 0:
        wanted = pilot_questions(ladder, {one.pair_id for one in history.evidence if one.verified})
    else:
        wanted = _further_questions(ladder, history)
    asked = frozenset(history.asked)
    return _affordable(ladder, history, (one for one in wanted if one not in asked))


def _affordable(ladder: Ladder, history: History, wanted: Iterable[Question]) -> list[Question]:
    """The first of `wanted` that the budget has room for, each at its highest price."""
    params = ladder.params
    calls = math.inf if params.max_calls is None else params.max_calls - len(history.asked)
    usd = math.inf if params.max_usd is None else params.max_usd
    price = {rung.judge: rung.usd for rung in ladder.rungs}
    spent, taken = history.usd, list[Question]()
    for question in wanted:
        spent += price[question.judge]
        if len(taken) >= calls or spent > usd:
            break
        taken.append(question)
    return taken


def _further_questions(ladder: Ladder, history: History) -> list[Question]:
    """Questions about open pairs that are worth their cost, the most promising first."""
    evidence = sorted(history.evidence, key=lambda one: one.pair_id)
    prospect = look_ahead(evidence)
    if prospect is None:
        return []
    still = open_pairs(ladder, history, evidence, prospect)
    if not still.left:
        return []
    cost = {rung.judge: one for rung, one in zip(ladder.rungs, ladder.costs, strict=True)}
    voices = [prospect.voice_of[judge] for judge in still.judges]
    found = climb(prospect, still.standing, voices, [cost[judge] for judge in still.judges])
    last = history.waves == ladder.params.max_waves - 1
    ranked = sorted(_ranked(still, found, ladder.params.min_gain, last=last))
    return [question for *_, question in ranked]


def _ranked(
    still: OpenPairs, found: Climb, min_gain: float, *, last: bool
) -> Iterator[tuple[float, str, int, Question]]:
    """What is asked about each pair: (least gain first, a draw among equals, step, question)."""
    gain = found.gain
    steps = np.arange(gain.shape[1])
    wanted = (gain >= min_gain) & (last | (steps < found.together[:, None]))
    for row, questions in enumerate(still.left):
        stacks = [list(reversed(of_judge)) for of_judge in questions]
        for step in steps[wanted[row]].tolist():
            question = stacks[found.judge[row, step]].pop()
            yield -float(gain[row, step]), content_hash(question.pair_id), step, question
