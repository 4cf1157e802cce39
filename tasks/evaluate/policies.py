"""A trained policy on trial: beside its base, and beside the policy before it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from prefline.prompts import Prompt
from tasks.evaluate.drift import drift
from tasks.evaluate.passes import outcomes, passes
from tasks.evaluate.trial import BASE, TUNED, Trial
from tasks.evaluate.wins import Written, wins


def figures_of_policy(
    prompts: Sequence[Prompt],
    seen_templates: Collection[str],
    trials: Mapping[str, Trial],
    seed: int,
) -> dict[str, Any]:
    """Pass rates of the trained policy, its gains over the others, and how its answers drift from
    theirs; `trials` has `tuned`, `base` and, where there is one, `previous`."""
    found = {name: outcomes(prompts, trial.rows) for name, trial in trials.items()}
    tuned = found.pop(TUNED)
    passed = passes(prompts, seen_templates, tuned, found, seed)
    base = passes(prompts, seen_templates, found[BASE], {}, seed)
    return {
        "passes": passed.as_dict(),
        "base_passes": base.as_dict(),
        "drift": {
            name: drift(trials[TUNED].rows, trials[name].rows, seed).as_dict() for name in found
        },
    }


def figures_of_wins(
    judgments: Sequence[Mapping[str, Any]], trials: Mapping[str, Trial], seed: int
) -> dict[str, Any]:
    """Win rates of the trained policy against the others, by verdicts on their answers."""
    written = {
        row["response_id"]: Written(name, len(row["text"]))
        for name, trial in trials.items()
        for row in trial.rows
    }
    return wins(judgments, written, TUNED, seed).as_dict()


def first_answers(trials: Mapping[str, Trial]) -> list[dict[str, Any]]:
    """Each policy's first answer to each prompt, as rows of `responses` for a judge."""
    rows = []
    for name, trial in trials.items():
        seen: set[str] = set()
        for row in trial.rows:
            if row["prompt_id"] not in seen:
                seen.add(row["prompt_id"])
                rows.append(row | {"model": name, "parent_id": None})
    return rows
