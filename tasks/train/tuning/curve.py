"""The curve of a training, from what TRL logs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

# What TRL calls them: what we do.
_NAMES = {
    "loss": "loss",
    "rewards/accuracies": "accuracy",
    "accuracy": "accuracy",
    "rewards/margins": "margin",
    "margin": "margin",
    "logps/chosen": "logp_chosen",
    "logps/rejected": "logp_rejected",
    "grad_norm": "gradient",
}
_LAST = 10  # steps that the last figures are a mean of


def curve_of(history: Iterable[Mapping[str, Any]]) -> list[dict[str, float]]:
    """One point a logged step: `step`, `loss`, and what else the method has."""
    points: dict[int, dict[str, float]] = {}
    for entry in history:
        found = {ours: float(entry[name]) for name, ours in _NAMES.items() if name in entry}
        if "loss" in found:
            points[int(entry["step"])] = {"step": float(entry["step"])} | found
    return [points[step] for step in sorted(points)]


def last_figures(curve: list[dict[str, float]]) -> dict[str, float]:
    """The mean of each figure over the last steps."""
    last = curve[-_LAST:]
    names = [name for name in (last[-1] if last else {}) if name != "step"]
    return {f"last_{name}": sum(one[name] for one in last) / len(last) for name in names}
