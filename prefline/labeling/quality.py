"""Label quality in words that follow the measured intervals, the same wherever labels appear."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_CHANCE = 0.5
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
    """Return a line on each model judge; `judged` and `paired` are the metrics of the stages."""
    lines = [
        _judge_line(name, calibration["accuracy"], _prefers_first(judged["judges"].get(name)))
        for name, calibration in paired["calibration"].items()
    ]
    return lines or ["no model judge took part"]


def _prefers_first(judge: Mapping[str, Any] | None) -> float | None:
    """Return how often a judge prefers what it sees first.

    None for a second way in which a judge answers, of which the stage `judge` has no figures.
    """
    return None if judge is None else judge["prefers_first"]["value"]


def _judge_line(name: str, accuracy: Mapping[str, Any], first: float | None) -> str:
    leaning = "" if first is None else f"; it prefers what it sees first in {first:.0%} of verdicts"
    if accuracy["value"] is None:
        return f"judge `{name}`: not measured, since no verifier decided its pairs{leaning}"
    low, high = accuracy["low"], accuracy["high"]
    interval = "" if low is None else f" [{low:.0%}, {high:.0%}]"
    return (
        f"judge `{name}`: {word_for(low, high)}; right on {accuracy['value']:.0%}{interval} "
        f"of {accuracy['n']} pairs that a verifier decided, its position bias taken off{leaning}"
    )


def labels_line(paired: Mapping[str, Any]) -> str:
    """Return a line on what the labels rest on; `paired` are the metrics of the stage `pair`."""
    total = sum(paired["label_source"].values())
    parts = [
        f"{count:,} of {total:,} on {_SOURCES.get(source, source)}"
        for source, count in paired["label_source"].items()
    ]
    return "labels rest on: " + ("; ".join(parts) or "nothing, there are none")
