"""The part of each judge in the label of one pair.

The label model is linear in what judges say: before what is not known is averaged over, the
log-odds of a pair are the sum over judges of weight times score (and what anchors tell of length
beyond that). A score is made of the verdicts as `scores.py` makes it, by the figures that the stage
`pair` writes of each judge, so a pair's parts follow from its own judgments alone.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from prefline.labeling.report import name_with_manner
from prefline.labeling.votes import MOST_SURE

Row = Mapping[str, Any]

_PLACES = {"second": 0, "tie": 1, "first": 2}


def judge_parts(
    judgments: Iterable[Row], figures: Mapping[str, Row], lengths: Mapping[str, int]
) -> dict[str, float]:
    """Return what each judge adds to the log-odds of the pair's lower id, by judge.

    `judgments` are all rows of one pair, `figures` those of the annotators by name
    (`labels_report`), `lengths` the characters of the two responses by id. A judge is left out that
    has no weight, or answered by several votes, whose shares are shrunk by what all its pairs have
    in common.
    """
    said: dict[str, list[tuple[Row, float]]] = defaultdict(list)
    voted = set()
    for row in judgments:
        name = _annotator(row, figures)
        if name is None or row["verdict"] not in _PLACES:
            continue
        if row.get("votes_first") is not None:
            voted.add(row["judge"])
        said[name].append((row, _toward_lower(row, figures[name])))
    parts: dict[str, float] = defaultdict(float)
    for name, scored in said.items():
        judge, known = scored[0][0]["judge"], figures[name]
        if judge in voted or known["weight"] is None:
            continue
        taken = known["length_bias"] * _log_ratio(scored[0][0], lengths)
        mean = sum(score for _, score in scored) / len(scored)
        parts[judge] += known["weight"] * (mean - taken) / known["unit"]
    return dict(parts)


def _annotator(row: Row, figures: Mapping[str, Row]) -> str | None:
    """Return the name of the figures that count for a row; None for judges without some."""
    hard = row["p_first"] is None
    exact = name_with_manner(row["judge"], row["method"], hard=hard)
    if exact in figures:
        return exact
    main = figures.get(row["judge"])
    answers = "verdict" if hard else "probability"
    is_main = main is not None and main["answers"] == answers and main.get("unit") is not None
    return row["judge"] if is_main else None


def _toward_lower(row: Row, known: Row) -> float:
    """Return what one verdict scores for the lower id, in the annotator's own log-odds."""
    side = 1.0 if row["first_id"] <= row["second_id"] else -1.0
    if row["p_first"] is None:
        return float(known["verdict_scores"][_PLACES[row["verdict"]]]) * side
    p = min(max(row["p_first"], 1 - MOST_SURE), MOST_SURE)
    return (math.log(p / (1 - p)) - (known["position_bias"] or 0.0)) * side


def _log_ratio(row: Row, lengths: Mapping[str, int]) -> float:
    lower, upper = sorted((row["first_id"], row["second_id"]))
    if lower not in lengths or upper not in lengths:
        return 0.0
    return math.log(max(lengths[lower], 1)) - math.log(max(lengths[upper], 1))
