"""May one train on these labels? An answer that follows from this run's own measurements."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from prefline.labeling.quality import word_for

Json = dict[str, Any]

BETTER = word_for(0.6, 0.7)
UNMEASURED = "could not be measured"
_MOSTLY = 0.8  # share from which one category is named


@dataclass(frozen=True, slots=True)
class Answer:
    """`word` is yes, with care, in part, no or nothing yet; `says` gives the reason."""

    word: str
    says: str


def judge_word(accuracy: Mapping[str, Any]) -> str:
    """Return what an accuracy with its interval says of a judge."""
    if not accuracy["n"]:
        return UNMEASURED
    return word_for(accuracy["low"], accuracy["high"])


def answer(
    sources: Mapping[str, int],
    by_judges: Iterable[Json],
    words: Mapping[str, str],
    validation: Mapping[str, Any],
    unanchored: int = 0,
    remedy: str = "",
) -> Answer:
    """Return the answer for labels from these sources.

    `by_judges` counts the labels by what they rest on and by the judges behind them;
    `words` has each judge's `judge_word`. `unanchored` counts the labels that rest on agreement
    alone, `remedy` is the cheapest way out of that.
    """
    total = sum(sources.values())
    if not total:
        return Answer("nothing yet", "There are no preferences.")
    broken = validation.get("n_failed", 0)
    if broken:
        return Answer("no", f"{broken:,} expectation(s) that must hold do not: see Validation.")
    if sources.get("ai"):
        return _of_model_judges(total, sources["ai"], _weak(by_judges, words))
    if unanchored:
        why = "rest on agreement, not on measured accuracy: nobody knows how often they are right."
        says = f"{_of(unanchored, total)} {why}"
        return Answer("with care", f"{says} To know: {remedy}." if remedy else says)
    if not validation:
        return Answer("with care", f"{_firm(sources)} But the tables have not been validated.")
    return Answer("yes", _firm(sources))


def _weak(by_judges: Iterable[Json], words: Mapping[str, str]) -> int:
    """Labels by model judges none of which did better than chance."""
    return sum(
        row["rows"]
        for row in by_judges
        if row["label_source"] == "ai"
        and not any(words.get(judge) == BETTER for judge in row["judges"].split(","))
    )


def _of_model_judges(total: int, by_ai: int, weak: int) -> Answer:
    if not weak:
        why = "rest on model judges: better than chance, but not always right."
        return Answer("with care", f"{_of(by_ai, total)} {why}")
    why = "rest on model judges that this run did not find better than chance."
    if weak == total:
        return Answer("no", f"{_of(weak, total)} {why}")
    advice = "Train on the others alone: filter by label_source."
    return Answer("in part", f"{_of(weak, total)} {why} {advice}")


def _firm(sources: Mapping[str, int]) -> str:
    total = sum(sources.values())
    if sources.get("verifier") == total:
        return (
            f"{_of(total, total)} rest on programmatic checks: right as far as a check can see, "
            "and silent on style."
        )
    return f"{_of(total, total)} rest on programmatic checks, people or imported judgments."


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
