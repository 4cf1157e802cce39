"""A trained policy on trial: beside its base, and beside the policy before it."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from prefline.stats import Floats
from prefline.tables.prompts import Prompt
from tasks.evaluate.drift import drift
from tasks.evaluate.passes import outcomes, passes
from tasks.evaluate.trial import BASE, PREVIOUS, TUNED, Trial
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
        "passes": _without_outcomes(passed.as_dict()),
        "base_passes": _without_outcomes(base.as_dict()),
        "drift": {
            name: drift(trials[TUNED].rows, trials[name].rows, seed).as_dict() for name in found
        },
    }


def _without_outcomes(figures: dict[str, Any]) -> dict[str, Any]:
    """Those by prompt are in a file of their own."""
    return {name: value for name, value in figures.items() if name != "outcomes"}


def outcomes_by_prompt(
    prompts: Sequence[Prompt], seen_templates: Collection[str], trials: Mapping[str, Trial]
) -> dict[str, Any]:
    """The share of each policy's samples that pass, by prompt, so that rounds can be compared
    prompt by prompt: of prompts whose template training never saw apart from all others."""
    unseen = {
        one.prompt_id for one in prompts if one.template and one.template not in seen_templates
    }
    found = {name: outcomes(prompts, trial.rows).by_prompt for name, trial in trials.items()}
    return {
        name: {
            "seen": {one: share for one, share in by.items() if one not in unseen},
            "unseen": {one: share for one, share in by.items() if one in unseen},
        }
        for name, by in found.items()
    }


def wins_by_prompt(
    judgments: Sequence[Mapping[str, Any]], trials: Mapping[str, Trial]
) -> dict[str, float]:
    """How far the judge prefers the trained policy to the one before it, or else to its base, by
    prompt: 1, 0.5 or 0, the mean over both orders."""
    other = PREVIOUS if PREVIOUS in trials else BASE
    ours, theirs = ({row["response_id"] for row in trials[one].rows} for one in (TUNED, other))
    said: dict[str, list[float]] = {}
    for row in judgments:
        worth = {"first": 1.0, "second": 0.0, "tie": 0.5}.get(row["verdict"])
        if worth is None:
            continue
        if row["first_id"] in ours and row["second_id"] in theirs:
            said.setdefault(row["prompt_id"], []).append(worth)
        elif row["first_id"] in theirs and row["second_id"] in ours:
            said.setdefault(row["prompt_id"], []).append(1 - worth)
    return {prompt: sum(worths) / len(worths) for prompt, worths in sorted(said.items())}


def reward_by_prompt(rows: Sequence[Mapping[str, Any]], rewards: Floats) -> dict[str, float]:
    """The mean reward of a policy's answers by prompt; `rewards` has one for each row, NaN where
    there is none."""
    found: dict[str, list[float]] = {}
    for row, reward in zip(rows, rewards.tolist(), strict=True):
        if math.isfinite(reward):
            found.setdefault(row["prompt_id"], []).append(reward)
    return {prompt: sum(values) / len(values) for prompt, values in sorted(found.items())}


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
