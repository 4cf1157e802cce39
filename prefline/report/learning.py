"""The model trained on the version, and its figures on data that training never saw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]
_PARTS = {"seen": "templates seen in training", "unseen": "templates never seen"}


@dataclass(frozen=True, slots=True)
class Learning:
    """`says` are the evaluation's own sentences. Of a reward model, `accuracy` has a row
    {on, n, model, longer, shorter, first} for each table of pairs; of a policy, `passes` a row
    {on, n, tuned, base, gain} for each part of the held-out prompts. All empty where there is
    none."""

    model: str
    kind: str
    says: list[str]
    accuracy: list[Json]
    passes: list[Json]


def learning(evaluation: Json, summary: str) -> Learning:
    """From the figures of `evaluate` and its summary."""
    return Learning(
        model=evaluation.get("model", ""),
        kind=str(evaluation.get("kind", "")).replace("_", " "),
        says=summary.splitlines(),
        accuracy=[
            {
                "on": name.replace("_", " "),
                "n": one["n_pairs"],
                "model": one["overall"]["accuracy"],
                "longer": one["overall"]["longer_wins"],
                "shorter": one["overall"]["shorter_wins"],
                "first": one["overall"]["first_wins"],
            }
            for name, one in evaluation.get("pairs", {}).items()
        ],
        passes=_passes(evaluation) if "passes" in evaluation else [],
    )


def _passes(evaluation: Json) -> list[Json]:
    rows = []
    for part, says in _PARTS.items():
        tuned, base = evaluation["passes"][part], evaluation["base_passes"][part]
        if tuned["pass_rate"]["n"]:
            rows.append(
                {
                    "on": says,
                    "n": tuned["pass_rate"]["n"],
                    "tuned": tuned["pass_rate"],
                    "base": base["pass_rate"],
                    "gain": tuned["over"]["base"],
                }
            )
    return rows
