"""A trained policy beside its base and the policy before it: pass rates, wins and drift."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from prefline.errors import TableError
from prefline.stats import Floats
from prefline.stats.bootstrap import Figure, Resampler
from prefline.tables.prompts import Prompt
from prefline.verifiers import check, parse_verifier
from tasks.evaluate.clusters import numbered, paired_difference, share
from tasks.evaluate.drift import drift
from tasks.evaluate.trial import BASE, PREVIOUS, TUNED, Trial
from tasks.evaluate.wins import Written, wins


def figures_of_policy(
    prompts: Sequence[Prompt],
    seen_templates: Collection[str],
    trials: Mapping[str, Trial],
    seed: int,
) -> dict[str, Any]:
    """Return pass rates of the trained policy, differences to the others, and drift from them.

    `trials` has `tuned`, `base` and, where there is one, `previous`.
    """
    others = {name: outcomes(prompts, trial.rows) for name, trial in trials.items()}
    tuned = others.pop(TUNED)
    passed = passes(prompts, seen_templates, tuned, others, seed)
    base = passes(prompts, seen_templates, others[BASE], {}, seed)
    return {
        "passes": _without_outcomes(passed.as_dict()),
        "base_passes": _without_outcomes(base.as_dict()),
        "drift": {
            name: drift(trials[TUNED].rows, trials[name].rows, seed).as_dict() for name in others
        },
    }


def _without_outcomes(figures: dict[str, Any]) -> dict[str, Any]:
    """Leave out the outcomes by prompt, which have a file of their own."""
    return {name: value for name, value in figures.items() if name != "outcomes"}


def outcomes_by_prompt(
    prompts: Sequence[Prompt], seen_templates: Collection[str], trials: Mapping[str, Trial]
) -> dict[str, Any]:
    """Return the share of each policy's samples that pass, by prompt, to compare rounds by prompt.

    Prompts whose template training never saw stand apart from all others.
    """
    unseen = {p.prompt_id for p in prompts if p.template and p.template not in seen_templates}
    shares = {name: outcomes(prompts, trial.rows).by_prompt for name, trial in trials.items()}
    return {
        name: {
            "seen": {key: share for key, share in by_prompt.items() if key not in unseen},
            "unseen": {key: share for key, share in by_prompt.items() if key in unseen},
        }
        for name, by_prompt in shares.items()
    }


def wins_by_prompt(
    judgments: Sequence[Mapping[str, Any]], trials: Mapping[str, Trial]
) -> dict[str, float]:
    """Return the judge's preference for the trained policy, by prompt: 1, 0.5 or 0.

    Over the policy before it, or else over its base; the mean over both orders.
    """
    other = PREVIOUS if PREVIOUS in trials else BASE
    ours, theirs = ({row["response_id"] for row in trials[name].rows} for name in (TUNED, other))
    wins_of: dict[str, list[float]] = {}
    for row in judgments:
        win = {"first": 1.0, "second": 0.0, "tie": 0.5}.get(row["verdict"])
        if win is None:
            continue
        if row["first_id"] in ours and row["second_id"] in theirs:
            wins_of.setdefault(row["prompt_id"], []).append(win)
        elif row["first_id"] in theirs and row["second_id"] in ours:
            wins_of.setdefault(row["prompt_id"], []).append(1 - win)
    return {prompt: sum(values) / len(values) for prompt, values in sorted(wins_of.items())}


def reward_by_prompt(rows: Sequence[Mapping[str, Any]], rewards: Floats) -> dict[str, float]:
    """Return the mean reward of a policy's answers by prompt.

    `rewards` has one for each row, NaN where there is none.
    """
    by_prompt: dict[str, list[float]] = {}
    for row, reward in zip(rows, rewards.tolist(), strict=True):
        if math.isfinite(reward):
            by_prompt.setdefault(row["prompt_id"], []).append(reward)
    return {prompt: sum(values) / len(values) for prompt, values in sorted(by_prompt.items())}


def figures_of_wins(
    judgments: Sequence[Mapping[str, Any]], trials: Mapping[str, Trial], seed: int
) -> dict[str, Any]:
    """Return win rates of the trained policy against the others, by verdicts on their answers."""
    written = {
        row["response_id"]: Written(name, len(row["text"]))
        for name, trial in trials.items()
        for row in trial.rows
    }
    return wins(judgments, written, TUNED, seed).as_dict()


def first_answers(trials: Mapping[str, Trial]) -> list[dict[str, Any]]:
    """Return each policy's first answer to each prompt, as rows of `responses` for a judge."""
    rows = []
    for name, trial in trials.items():
        seen: set[str] = set()
        for row in trial.rows:
            if row["prompt_id"] not in seen:
                seen.add(row["prompt_id"])
                rows.append(row | {"model": name, "parent_id": None})
    return rows


@dataclass(frozen=True, slots=True)
class Outcomes:
    """The share of a policy's samples that pass, by the id of the prompt; `n_samples` in all.

    `unverifiable` prompts have no check, `unanswered` ones no response: neither has a share.
    """

    by_prompt: dict[str, float]
    n_samples: int
    unverifiable: tuple[str, ...]
    unanswered: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rates:
    """The pass rate of some prompts, each counting the same, and its paired differences to those
    of other policies on the prompts that both have answered."""

    pass_rate: Figure
    over: dict[str, Figure]


@dataclass(frozen=True, slots=True)
class Passes:
    """A policy's pass rates: of all prompts; of those whose template occurs in training and of
    those whose does not; by category and by template. Prompts without a template are in neither
    of `seen` and `unseen`."""

    outcomes: Outcomes
    overall: Rates
    seen: Rates
    unseen: Rates
    by_category: dict[str, Rates]
    by_template: dict[str, Rates]

    def as_dict(self) -> dict[str, Any]:
        """Return the figures for JSON."""
        return asdict(self)


def outcomes(prompts: Sequence[Prompt], responses: Iterable[Mapping[str, Any]]) -> Outcomes:
    """Check responses (rows with `prompt_id` and `text`) by the checks of `prompts`.

    Raises `TableError` for a response to another prompt, `InputError` for a check that is none.
    """
    texts: dict[str, list[str]] = {prompt.prompt_id: [] for prompt in prompts}
    for row in responses:
        if row["prompt_id"] not in texts:
            raise TableError(
                f"a response answers prompt {row['prompt_id']}, which is not held out",
                "run `dvc repro evaluate`",
            )
        texts[row["prompt_id"]].append(row["text"])
    checked = [prompt for prompt in prompts if prompt.verifier and texts[prompt.prompt_id]]
    return Outcomes(
        by_prompt={p.prompt_id: _pass_share(p, texts[p.prompt_id]) for p in checked},
        n_samples=sum(len(texts[prompt.prompt_id]) for prompt in checked),
        unverifiable=tuple(p.prompt_id for p in prompts if not p.verifier),
        unanswered=tuple(p.prompt_id for p in prompts if p.verifier and not texts[p.prompt_id]),
    )


def _pass_share(prompt: Prompt, texts: Sequence[str]) -> float:
    verifier = parse_verifier(prompt.verifier or "")
    return sum(check(verifier, text).passed for text in texts) / len(texts)


def passes(
    prompts: Sequence[Prompt],
    seen_templates: Collection[str],
    policy: Outcomes,
    others: Mapping[str, Outcomes],
    seed: int = 0,
) -> Passes:
    """Return the pass rates of `policy`, and its differences to `others`, paired by prompt.

    `others` are "base" and "previous"; `seen_templates` those of the prompts trained on.
    """

    def rates(selected: Iterable[Prompt]) -> Rates:
        return _rates([prompt.prompt_id for prompt in selected], policy, others, seed)

    def by(name_of: Callable[[Prompt], str | None]) -> dict[str, Rates]:
        names = {name_of(p) for p in prompts if p.prompt_id in policy.by_prompt} - {None}
        return {
            str(name): rates(p for p in prompts if name_of(p) == name)
            for name in sorted(names, key=str)
        }

    templated = [prompt for prompt in prompts if prompt.template is not None]
    return Passes(
        outcomes=policy,
        overall=rates(prompts),
        seen=rates(p for p in templated if p.template in seen_templates),
        unseen=rates(p for p in templated if p.template not in seen_templates),
        by_category=by(lambda prompt: prompt.category),
        by_template=by(lambda prompt: prompt.template),
    )


def _rates(
    ids: Iterable[str], policy: Outcomes, others: Mapping[str, Outcomes], seed: int
) -> Rates:
    mine = sorted(set(ids) & policy.by_prompt.keys())
    clusters = numbered(mine)
    ours = np.array([policy.by_prompt[one] for one in mine])
    over = {name: _gain(mine, policy, other, seed) for name, other in others.items()}
    return Rates(share(ours, clusters, Resampler.of(clusters, seed)), over)


def _gain(ids: Sequence[str], policy: Outcomes, other: Outcomes, seed: int) -> Figure:
    both = [identity for identity in ids if identity in other.by_prompt]
    ours, theirs = (np.array([by.by_prompt[one] for one in both]) for by in (policy, other))
    clusters = numbered(both)
    return paired_difference(ours, theirs, clusters, Resampler.of(clusters, seed))
