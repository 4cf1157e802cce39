"""Label quality in words that follow the measured intervals, the same wherever labels appear."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from prefline.text import number_of

_CHANCE = 0.5
_NAMED = 5  # reviewers
_STATED = (0.5, 0.9)  # thresholds of which the card and the manifest tell
_SOURCES = {
    "verifier": "programmatic checks (verifier)",
    "ai": "model judges alone (ai)",
    "human": "people (human)",
    "imported": "imported judgments (imported)",
}


def word_for(low: float | None, high: float | None) -> str:
    """Return how an accuracy's 95 % interval stands to chance, which is one half for two answers.

    An accuracy without an interval, of one prompt, is told from nothing.
    """
    if low is not None and low > _CHANCE:
        return "better than chance"
    return "worse than chance" if high is not None and high < _CHANCE else "at chance"


def quality_lines(judged: Mapping[str, Any], paired: Mapping[str, Any]) -> list[str]:
    """Return lines on the labels that are published, by what they rest on, and on what to beware.

    `judged` and `paired` are the metrics of the stages.
    """
    return [
        *_judge_lines(judged, paired),
        *verifier_lines(paired),
        *_people_lines(paired),
        *_anchor_lines(paired),
        *(f"beware: {warning}" for warning in label_warnings(judged, paired)),
    ]


def by_judges(label_sources: Mapping[str, int]) -> bool:
    """Tell whether any label rests on judges; `label_sources` counts labels by source."""
    return bool(label_sources.get("ai") or label_sources.get("imported"))


def label_warnings(judged: Mapping[str, Any], paired: Mapping[str, Any]) -> list[str]:
    """Return what to beware of in the labels: of judges, of their calibration, and of answers."""
    return [
        *judged.get("warnings", ()),
        *(
            f"judge `{name}`: {warning}"
            for name, calibration in paired.get("calibration", {}).items()
            for warning in calibration.get("warnings", ())
        ),
        *paired.get("warnings", ()),
    ]


def _judge_lines(judged: Mapping[str, Any], paired: Mapping[str, Any]) -> list[str]:
    if not paired["calibration"]:
        return ["no model judge took part"]
    if not by_judges(paired.get("label_source", {"ai": 1})):
        return ["no label rests on a model judge"]
    lines = [
        _judge_line(name, calibration["accuracy"], _prefers_first(judged["judges"].get(name)))
        for name, calibration in paired["calibration"].items()
    ]
    return lines + _canary_lines(judged) + _warrant_lines(paired)


def _canary_lines(judged: Mapping[str, Any]) -> list[str]:
    """Return how right each judge is on pairs of planted truth, and what asking them cost."""
    lines = []
    for name, one in judged.get("canaries", {}).items():
        before = one["before"]
        earlier = (
            "" if before is None else f", {before:.0%} over {one['runs_before']} earlier run(s)"
        )
        lines.append(
            f"judge `{name}`: right on {one['accuracy']:.0%} of {one['n']} pairs of planted truth, "
            f"which are not among the labels{earlier}; they cost ${one['cost_usd']:.4f}"
        )
    return lines


def verifier_lines(paired: Mapping[str, Any]) -> list[str]:
    """Return how right each kind of check is, and who says so."""
    lines = []
    for kind, figures in paired.get("verifiers", {}).items():
        pairs = number_of(figures["n_pairs"], "pair")
        taken = f"check `{kind}` of {pairs}: right in {figures['accuracy']:.0%}"
        if figures["n_reviewed"]:
            interval = f" [{figures['low']:.0%}, {figures['high']:.0%}]"
            lines.append(f"{taken}{interval}, by people's answers on {figures['n_reviewed']:,}")
        else:
            lines.append(f"{taken}, as declared: nobody looked at its pairs")
    return lines if paired.get("label_source", {}).get("verifier") else []


def _people_lines(paired: Mapping[str, Any]) -> list[str]:
    """Return who decided the labels by people, and how far they agree."""
    n_labels, reviews = paired.get("label_source", {}).get("human", 0), paired.get("reviews", {})
    reviewers = reviews.get("reviewers", {})
    if not n_labels or not reviewers:
        return []
    names = sorted(reviewers, key=lambda name: (-reviewers[name]["n_answers"], name))
    named = ", ".join(
        f"{name} ({number_of(reviewers[name]['n_answers'], 'answer')}, taken to be "
        f"right in {reviewers[name]['accuracy']:.0%} of them)"
        for name in names[:_NAMED]
    )
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    alpha = reviews.get("krippendorff_alpha", {}).get("value")
    agree = "" if alpha is None else f"; their agreement: Krippendorff's alpha {alpha:.2f}"
    return [f"{number_of(n_labels, 'label')} by people: {named}{more}{agree}"]


def _prefers_first(judge: Mapping[str, Any] | None) -> float | None:
    """Return how often a judge prefers what it sees first.

    None for a second way in which a judge answers, of which the stage `judge` has no figures.
    """
    return None if judge is None else judge["prefers_first"]["value"]


def _judge_line(name: str, accuracy: Mapping[str, Any], first: float | None) -> str:
    leaning = "" if first is None else f"; it prefers what it sees first in {first:.0%} of verdicts"
    if accuracy["value"] is None:
        return f"judge `{name}`: not measured, since nobody told the truth of its pairs{leaning}"
    low, high = accuracy["low"], accuracy["high"]
    interval = "" if low is None else f" [{low:.0%}, {high:.0%}]"
    return (
        f"judge `{name}`: {word_for(low, high)}; right on {accuracy['value']:.0%}{interval} "
        f"of {accuracy['n']} pairs whose truth a verifier or people told, its position bias taken "
        f"off{leaning}"
    )


def _anchor_lines(paired: Mapping[str, Any]) -> list[str]:
    """Return what p_chosen means, and the remedy where that is agreement alone."""
    anchors = paired.get("anchors")
    if not anchors or not sum(paired["label_source"].values()):
        return []
    text = f"`p_chosen` {anchors['meaning'].removeprefix('p ')}"
    return [text + (f"; remedy: {anchors['remedy']}" if anchors["remedy"] else "")]


def _warrant_lines(paired: Mapping[str, Any]) -> list[str]:
    """Return how often labels by judges agree with anchors that did not teach them."""
    return [
        f"labels by judges of p at least {row['threshold']:g} agree with the truth on "
        f"{row['agrees']:.0%} [{row['low']:.0%}, {row['high']:.0%}] of {row['n']:,} pairs that a "
        "verifier or people told and the fit did not see"
        for row in paired.get("warrant", ())
        if row["n"] and row["threshold"] in _STATED
    ]


def labels_line(paired: Mapping[str, Any]) -> str:
    """Return a line on what the labels rest on; `paired` are the metrics of the stage `pair`."""
    total = sum(paired["label_source"].values())
    parts = [
        f"{count:,} of {total:,} on {_SOURCES.get(source, source)}"
        for source, count in paired["label_source"].items()
    ]
    rests = "labels rest on: " + ("; ".join(parts) or "nothing, there are none")
    return ". ".join([rests, *_anchor_lines(paired)])
