"""How often a policy's responses pass the checks of prompts that it was not trained on."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from prefline.errors import TableError
from prefline.stats.bootstrap import Figure, Resampler
from prefline.tables.prompts import Prompt
from prefline.verifiers import check, parse_verifier
from tasks.evaluate.clusters import gain, numbered, share


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
    """The pass rate of some prompts, each counting the same, and by how much it is above those of
    other policies on the prompts that both have answered."""

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
        """For JSON."""
        return asdict(self)


def outcomes(prompts: Sequence[Prompt], responses: Iterable[Mapping[str, Any]]) -> Outcomes:
    """What the checks of `prompts` say of responses (rows with `prompt_id` and `text`).

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
    tried = [prompt for prompt in prompts if prompt.verifier and texts[prompt.prompt_id]]
    return Outcomes(
        by_prompt={one.prompt_id: _pass_share(one, texts[one.prompt_id]) for one in tried},
        n_samples=sum(len(texts[prompt.prompt_id]) for prompt in tried),
        unverifiable=tuple(one.prompt_id for one in prompts if not one.verifier),
        unanswered=tuple(
            one.prompt_id for one in prompts if one.verifier and not texts[one.prompt_id]
        ),
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
    """The pass rates of `policy`, and its gains over `others` ("base", "previous"), paired by
    prompt; `seen_templates` are those of the prompts that are trained on."""

    def rates(some: Iterable[Prompt]) -> Rates:
        return _rates([one.prompt_id for one in some], policy, others, seed)

    def by(name_of: Callable[[Prompt], str | None]) -> dict[str, Rates]:
        names = {name_of(one) for one in prompts if one.prompt_id in policy.by_prompt} - {None}
        return {
            str(name): rates(p for p in prompts if name_of(p) == name)
            for name in sorted(names, key=str)
        }

    templated = [one for one in prompts if one.template is not None]
    return Passes(
        outcomes=policy,
        overall=rates(prompts),
        seen=rates(one for one in templated if one.template in seen_templates),
        unseen=rates(one for one in templated if one.template not in seen_templates),
        by_category=by(lambda one: one.category),
        by_template=by(lambda one: one.template),
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
    both = [one for one in ids if one in other.by_prompt]
    ours, theirs = (np.array([by.by_prompt[one] for one in both]) for by in (policy, other))
    clusters = numbered(both)
    return gain(ours, theirs, clusters, Resampler.of(clusters, seed))
