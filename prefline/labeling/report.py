"""The meaning of labels and the figures of the judges, as a document and in plain words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from prefline.labeling.model import DIGITS, ERROR_DIGITS, MIN_ANCHORS, AnnotatorFigures, LabelCounts

_USUAL_ACCURACY = 0.8  # for which the interval of an accuracy is told beforehand
_CHECKS = (25, 100)
_CHANCE = 0.5
_TWO_SIDED = 1.96  # standard errors of a 95 % interval


def labels_report(labels: LabelCounts, prior_judges: Sequence[str] = ()) -> dict[str, Any]:
    """Return the document on labels: counts, what `p` means, the remedy, and the judges.

    `prior_judges` are the judges whose accuracy the user gave.
    """
    anchored, pairs = labels.n_anchored, labels.n_pairs
    return {
        "pairs": pairs,
        "anchors": round(labels.n_anchors, ERROR_DIGITS),
        "anchored": anchored,
        "held_at_even_odds": labels.n_held,
        "against_unanimous": labels.n_against,
        "agreement_trust": round(labels.trust, ERROR_DIGITS),
        "meaning": meaning(anchored, pairs, labels.n_anchors, prior_judges),
        "remedy": None if anchored == pairs else remedy(pairs, labels.n_anchors),
        "judges": {
            name: _figures(each)
            for name, each in zip(annotator_names(labels.annotators), labels.annotators,
                                  strict=True)
        },
    }  # fmt: skip


def meaning(anchored: int, pairs: int, n_anchors: float, prior_judges: Sequence[str] = ()) -> str:
    """Return what the probability of a label means, by what it rests on."""
    if prior_judges and anchored < pairs:
        named = ", ".join(sorted(prior_judges))
        rest = f"rests on the accuracy that you gave of {named}, which was not measured here"
    elif n_anchors:
        rest = (
            f"is agreement, not accuracy: {n_anchors:.4g} pairs of known truth are too few "
            f"(a judge needs {MIN_ANCHORS:.0f})"
        )
    else:
        rest = (
            "is agreement, not accuracy: the truth of no pair that judges spoke of was told"
            if anchored
            else "is agreement, not accuracy: the truth of no pair was told"
        )
    if anchored == pairs and pairs and not n_anchors:
        return (
            "p is the word of those who decided: people, as far as they agree, or a check, by kind"
        )
    if anchored == pairs and pairs:
        return f"p is accuracy, measured on {n_anchors:.4g} pairs of known truth"
    if not anchored:
        return f"p {rest}"
    if not n_anchors:
        return (
            f"p is the word of those who decided, people or a check, on {anchored:,} of {pairs:,} "
            f"pairs; on the rest it {rest}"
        )
    return (
        f"p is accuracy, measured on {n_anchors:.4g} pairs of known truth, on {anchored:,} of "
        f"{pairs:,} pairs; on the rest, whose judges were measured on fewer than "
        f"{MIN_ANCHORS:.0f}, p is agreement, not accuracy"
    )


def remedy(pairs: int, n_anchors: float) -> str:
    """Return the cheapest remedy for labels that rest on agreement alone."""
    missing = max(1, math.ceil(MIN_ANCHORS - n_anchors))
    widths = ", ".join(
        f"{n} to within {100 * half_width(n):.0f} points" for n in _CHECKS if n <= pairs
    )
    least = f"check {missing} more pairs, drawn at random, by hand"
    if not widths:
        return least
    return f"{least}; pairs checked tell how often a judge that is right in 80 % is: {widths}"


def half_width(n: int, accuracy: float = _USUAL_ACCURACY) -> float:
    """Return half the width of the 95 % interval of an accuracy measured on n pairs."""
    return _TWO_SIDED * math.sqrt(accuracy * (1 - accuracy) / n)


def annotator_names(annotators: Sequence[AnnotatorFigures]) -> list[str]:
    """Return a name for each annotator: its judge's for the main one, otherwise with how."""
    main: dict[str, int] = {}
    for at, each in enumerate(annotators):
        judge = each.annotator.judge
        if judge not in main or each.n_pairs > annotators[main[judge]].n_pairs:
            main[judge] = at
    return [
        each.annotator.judge if main[each.annotator.judge] == at else _with_manner(each)
        for at, each in enumerate(annotators)
    ]


def _with_manner(figures: AnnotatorFigures) -> str:
    annotator = figures.annotator
    return name_with_manner(annotator.judge, annotator.method, hard=annotator.hard)


def name_with_manner(judge: str, method: str, *, hard: bool) -> str:
    """Return the name of an annotator that is not its judge's main one."""
    manner = "verdict only" if hard else "with probability"
    return f"{judge} ({', '.join([method, manner] if method else [manner])})"


def _figures(figures: AnnotatorFigures) -> dict[str, Any]:
    position = figures.position
    return {
        "kind": "human" if figures.annotator.human else "model",
        "answers": "verdict" if figures.annotator.hard else "probability",
        "weight": round(figures.weight, DIGITS),
        "weight_se": round(figures.weight_se, ERROR_DIGITS),
        "accuracy": figures.accuracy.as_dict(),
        "position_bias": round(position.bias, DIGITS) if position.known else None,
        "position_bias_se": round(position.se, ERROR_DIGITS) if position.known else None,
        "length_bias": round(figures.length_bias, DIGITS),
        "unit": round(figures.unit, DIGITS),
        "verdict_scores": [round(score, DIGITS) for score in position.hard_scores]
        if figures.annotator.hard
        else None,
        "n_pairs": figures.n_pairs,
        "n_anchors": figures.n_anchors,
        "warnings": _warnings(figures),
    }


def _warnings(figures: AnnotatorFigures) -> list[str]:
    """Return what could not be told of an annotator, or is odd, in words for people."""
    warnings = []
    if figures.n_anchors < MIN_ANCHORS:
        warnings.append(
            f"{figures.n_anchors} of its pairs have a known truth, fewer than "
            f"{MIN_ANCHORS:.0f}: its weight is what agreement says"
        )
    if not figures.position.known:
        warnings.append("one order only, not at random: its position bias is not known, and stays")
    if figures.weight < 0 and (figures.accuracy.high or 1.0) < _CHANCE:
        warnings.append("wrong more often than right on anchors: read the other way round")
    return warnings
