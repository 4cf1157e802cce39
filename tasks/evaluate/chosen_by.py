"""What a reward model picks among several responses: best-of-n, on prompts with a check.

A reward model that is right on pairs can still pick badly: it picks from the tail, where its errors
are (Gao et al. 2022, arXiv 2210.10760). So the one it picks is held against a random pick and
against the longest, on the same responses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from prefline.errors import TableError
from prefline.stats import Bools, Floats, Ints
from prefline.stats.bootstrap import Figure, Resampler
from tasks.evaluate.clusters import gain, numbered, share

_A_CHOICE = 2


@dataclass(frozen=True, slots=True)
class ChosenBy:
    """Pass rates of one response a prompt: the one of the highest reward (`picked`), any
    (`random`), the longest, and the best there is.

    Among several of the same reward, or length, each is as likely. `n_prompts` have at least two
    responses with a reward, `n_mixed` of them some that pass and some that do not: only there a
    pick matters. `n_without_choice` prompts have fewer, and are in no figure; nor are the
    `n_unscored` responses without a reward.
    """

    n_prompts: int
    n_mixed: int
    n_without_choice: int
    n_unscored: int
    picked: Figure
    random: Figure
    longest: Figure
    best: Figure
    over_random: Figure
    over_longest: Figure

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def chosen_by(
    prompt_ids: Sequence[str],
    rewards: ArrayLike,
    passed: ArrayLike,
    lengths: ArrayLike,
    seed: int = 0,
) -> ChosenBy:
    """The figures of n responses: `rewards` (NaN where there is none), whether they `passed`, and
    their `lengths` in characters, each of shape `(n,)`.

    Raises `TableError` where these are not as many as the prompt ids.
    """
    reward, is_right, length = (np.asarray(one, float) for one in (rewards, passed, lengths))
    if not (reward.shape == is_right.shape == length.shape == (len(prompt_ids),)):
        raise TableError(
            f"{len(prompt_ids)} responses have {reward.shape} rewards, {is_right.shape} outcomes "
            f"and {length.shape} lengths",
            "give one of each for every response",
        )
    scored = np.isfinite(reward)
    names, prompt = np.unique(np.array(prompt_ids, dtype=str), return_inverse=True)
    has_choice = np.bincount(prompt[scored], minlength=len(names)) >= _A_CHOICE
    rows = scored & has_choice[prompt]
    found = _by_prompt(prompt[rows], reward[rows], is_right[rows], length[rows])
    clusters = numbered(list(names[has_choice]))
    sampler = Resampler.of(clusters, seed)
    figures = {name: share(values, clusters, sampler) for name, values in found.items()}
    return ChosenBy(
        n_prompts=int(has_choice.sum()),
        n_mixed=int(np.count_nonzero((found["random"] > 0) & (found["random"] < 1))),
        n_without_choice=int((~has_choice).sum()),
        n_unscored=int((~scored).sum()),
        over_random=gain(found["picked"], found["random"], clusters, sampler),
        over_longest=gain(found["picked"], found["longest"], clusters, sampler),
        **figures,
    )


def _by_prompt(prompt: Ints, reward: Floats, passed: Floats, length: Floats) -> dict[str, Floats]:
    """The outcome of each pick, by prompt in their order."""
    _, place = np.unique(prompt, return_inverse=True)
    n = int(place.max()) + 1 if len(place) else 0

    def mean_where(rows: Bools) -> Floats:
        found: Floats = np.bincount(place[rows], passed[rows], n) / np.bincount(
            place[rows], minlength=n
        )
        return found

    def tops(values: Floats) -> Bools:
        highest = np.full(n, -np.inf)
        np.maximum.at(highest, place, values)
        found: Bools = values == highest[place]
        return found

    return {
        "picked": mean_where(tops(reward)),
        "random": mean_where(np.ones(len(place), dtype=bool)),
        "longest": mean_where(tops(length)),
        "best": mean_where(tops(passed)),
    }
