"""May one train on these labels? An answer that follows from this run's own measurements.

From the warrant: how often people agree with labels, on pairs drawn at random. What a label rests
on, a check or a judge, says nothing of how right it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from prefline.labeling.quality import word_for
from prefline.text import number_of

Json = dict[str, Any]

BETTER = word_for(0.6, 0.7)
UNMEASURED = "could not be measured"
_MOSTLY = 0.8  # share from which one category is named
_CHANCE = 0.5


@dataclass(frozen=True, slots=True)
class Answer:
    """`word` is yes, with care, in part, no or nothing yet; `says` gives the reason, `known` what
    is known of the labels that are not warranted, `remedy` how to know more (maybe empty)."""

    word: str
    says: str
    known: tuple[str, ...] = ()
    remedy: str = ""


def judge_word(accuracy: Mapping[str, Any]) -> str:
    """Return what an accuracy with its interval says of a judge."""
    if not accuracy["n"]:
        return UNMEASURED
    return word_for(accuracy["low"], accuracy["high"])


def answer(
    warrant: Json,
    by_judges: Iterable[Json],
    words: Mapping[str, str],
    validation: Mapping[str, Any],
    withheld: int = 0,
) -> Answer:
    """Return the answer for the labels of a warrant (`prefline/labeling/version_warrant.py`).

    `by_judges` counts the labels by what they rest on and by the judges behind them, `words` has
    each judge's `judge_word`: they tell of judges at chance before people have looked.
    `withheld` labels are not in the version for want of a warrant.
    """
    total = warrant["rows"] - withheld
    if not total:
        return Answer("nothing yet", "There are no preferences: the stage `pair` writes them.")
    broken = validation.get("n_failed", 0)
    if broken:
        return Answer(
            "no", f"{number_of(broken, 'expectation')} that must hold failed: see Validation."
        )
    remedy = warrant["remedy"] or ""
    good = warrant["people"] + sum(kind["warranted"] for kind in warrant["kinds"].values())
    if good >= total:
        return _of_warranted(warrant, total, withheld, validation)
    if good:
        why = f"{_of(good, total)} are warranted. {_which(warrant)}"
        return Answer("in part", why, _open(warrant), remedy)
    seen = warrant["kinds"]["judges"]["measured"]
    by_people = seen["low"] is not None and seen["low"] > _CHANCE
    return _of_unwarranted(warrant, total, 0 if by_people else _weak(by_judges, words))


def _of_unwarranted(warrant: Json, total: int, weak: int) -> Answer:
    """Return the answer for labels of which none is warranted.

    `weak` of them are by judges that were not found better than chance.
    """
    why = "rest on model judges that this run did not find better than chance."
    remedy = warrant["remedy"] or ""
    if weak == total:
        return Answer("no", f"{_of(total, total)} {why}", remedy=remedy)
    if _at_chance(warrant, total):
        how = "agree with people no better than chance."
        return Answer("no", f"{_of(total, total)} {how}", _open(warrant))
    if weak:
        advice = "Train on the others alone: filter by label_source."
        says = f"{_of(weak, total)} {why} {advice}"
        return Answer("in part", says, _open(warrant), remedy)
    return Answer("with care", "No label is warranted.", _open(warrant), remedy)


def _of_warranted(
    warrant: Json, total: int, withheld: int, validation: Mapping[str, Any]
) -> Answer:
    agreement, confidence = (warrant["standard"][name] for name in ("agreement", "confidence"))
    if warrant["people"] >= total:
        says = f"{_of(total, total)} are what people said of these very pairs."
    else:
        says = (
            f"{_of(total, total)} are warranted: people agree with at least {agreement:.0%} of "
            f"them (confidence {confidence:.0%}), measured on pairs drawn at random."
        )
    if withheld:
        says += f" {withheld:,} others are withheld, for people to decide."
    if not validation:
        return Answer("with care", f"{says} But the tables have not been validated.")
    return Answer("yes", says)


def _open(warrant: Json) -> tuple[str, ...]:
    """Return a line on each kind of labels that is not warranted as a whole."""
    kinds = warrant["kinds"].values()
    present = [kind for kind in kinds if kind["state"] != "none"]
    return tuple(
        line
        for kind, line in zip(present, warrant["says"], strict=False)
        if kind["state"] != "whole"
    )


def _which(warrant: Json) -> str:
    """Return how to take the warranted labels alone."""
    names = {"judges": "ai, imported", "checks": "verifier"}
    parts = ["human"] if warrant["people"] else []
    for kind, figures in warrant["kinds"].items():
        if figures["warranted"]:
            above = f" from p_chosen {figures['threshold']:g} on" * (figures["state"] == "part")
            parts.append(f"{names[kind]}{above}")
    return f"Train on these alone, by label_source: {'; '.join(parts)}."


def _at_chance(warrant: Json, total: int) -> bool:
    """Tell whether people measured all labels, and found them no better than chance."""
    measured = [kind for kind in warrant["kinds"].values() if kind["state"] == "below"]
    return sum(kind["rows"] for kind in measured) == total and all(
        kind["measured"]["low"] <= _CHANCE for kind in measured
    )


def _weak(by_judges: Iterable[Json], words: Mapping[str, str]) -> int:
    """Labels by model judges none of which did better than chance."""
    return sum(
        row["rows"]
        for row in by_judges
        if row["label_source"] == "ai"
        and not any(words.get(judge) == BETTER for judge in row["judges"].split(","))
    )


def _of(part: int, total: int) -> str:
    if part == total:
        return f"All {total:,} labels" if total > 1 else "The only label"
    return f"{part:,} of {total:,} labels"


def one_sided(categories: Mapping[str, int]) -> str:
    """Return a sentence where one category makes up most of the preferences, else nothing."""
    total = sum(categories.values())
    if not total:
        return ""
    name, most = max(categories.items(), key=lambda item: item[1])
    if most == total:
        return f"They are all of one category: {name}."
    return f"{most / total:.0%} are of one category: {name}." if most > _MOSTLY * total else ""
