"""The first wave: pairs that every judge answers in full, so that the judges can be fitted."""

from __future__ import annotations

from collections.abc import Iterable, Set

from prefline.ids import content_hash
from tasks.judge.ladder.questions import Ladder, Question


def pilot_questions(ladder: Ladder, verified: Set[str]) -> list[Question]:
    """Every question on the pilot's pairs, pair by pair in the order of the draw.

    A pair is in the pilot if it is among the first `pilot_pairs` of the draw that some judge can
    be asked about: all judges draw alike, so that they meet on the same pairs, and one that
    speaks of few pairs is still met there by the others. No answer decides who is drawn.
    """
    drawn = sorted(ladder.pair_ids, key=lambda pair: content_hash(["pilot", ladder.seed, pair]))
    wanted: set[str] = set()
    for rung in ladder.rungs:
        wanted.update(_of_one(ladder, [pair for pair in drawn if pair in rung.askable], verified))
    return [one for pair in drawn if pair in wanted for one in questions_on(ladder, pair)]


def questions_on(ladder: Ladder, pair_id: str) -> list[Question]:
    """All that can be asked about a pair."""
    return [
        Question(rung.judge, pair_id, order)
        for rung in ladder.rungs
        for order in sorted(rung.askable.get(pair_id, ()))
    ]


def _of_one(ladder: Ladder, drawn: list[str], verified: Set[str]) -> Iterable[str]:
    """The pilot of one judge: verified pairs as far as their share goes, then others."""
    size = ladder.params.pilot_pairs
    gold = [pair for pair in drawn if pair in verified][: round(ladder.params.gold_share * size)]
    others = [pair for pair in drawn if pair not in verified]
    return gold + others[: size - len(gold)]
