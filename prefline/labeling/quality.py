"""Label quality in words that follow the measured intervals, the same wherever labels appear."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_CHANCE = 0.5


def word_for(low: float, high: float) -> str:
    """How an accuracy's 95 % interval stands to chance, which is one half for two answers."""
    if low > _CHANCE:
        return "better than chance"
    return "worse than chance" if high < _CHANCE else "at chance"


def quality_lines(judged: Mapping[str, Any], paired: Mapping[str, Any]) -> list[str]:
    """What this run measured of each model judge; `judged` and `paired` are the metrics of the
    stages `judge` and `pair`."""
    lines = [
        _judge_line(name, one["accuracy"], _prefers_first(judged["judges"].get(name)))
        for name, one in paired["calibration"].items()
    ]
    return lines or ["no model judge took part"]


def _prefers_first(judge: Mapping[str, Any] | None) -> float | None:
    """None for a judge that speaks in two ways, whose second way the stage `judge` has no
    figures of."""
    return None if judge is None else judge["prefers_first"]["value"]


def _judge_line(name: str, accuracy: Mapping[str, Any], first: float | None) -> str:
    leaning = "" if first is None else f"; it prefers what it sees first in {first:.0%} of verdicts"
    if accuracy["value"] is None:
        return f"judge `{name}`: not measured, since no verifier decided its pairs{leaning}"
    low, high = accuracy["low"], accuracy["high"]
    return (
        f"judge `{name}`: {word_for(low, high)}; right on {accuracy['value']:.0%} "
        f"[{low:.0%}, {high:.0%}] of {accuracy['n']} pairs that a verifier decided, its position "
        f"bias taken off{leaning}"
    )


def labels_line(paired: Mapping[str, Any]) -> str:
    """What the labels rest on."""
    names = {
        "verifier": "programmatic checks (verifier)",
        "ai": "model judges alone (ai)",
        "human": "people (human)",
        "imported": "imported judgments (imported)",
    }
    total = sum(paired["label_source"].values())
    parts = [
        f"{count:,} of {total:,} on {names.get(source, source)}"
        for source, count in paired["label_source"].items()
    ]
    return "labels rest on: " + ("; ".join(parts) or "nothing, there are none")
