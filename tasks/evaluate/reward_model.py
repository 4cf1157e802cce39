"""A reward model on labelled pairs, and as a picker among answers: best-of-n.

A reward model that is right on pairs can still pick badly: it picks from the tail, where its errors
are (Gao et al. 2022, arXiv 2210.10760). So its pick is compared with a random pick and with the
longest, on the same responses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from prefline.errors import TableError
from prefline.stats import Bools, Floats, Ints
from prefline.stats.bootstrap import Figure, Resampler
from prefline.tables.messages import Conversation, conversation_of
from prefline.tables.prompts import Prompt
from prefline.verifiers import check, parse_verifier
from tasks.evaluate.accuracy import accuracy
from tasks.evaluate.clusters import numbered, paired_difference, share
from tasks.evaluate.human import LabelledPair, Pairs

# Rewards, shape `(conversations,)`, NaN where there is none.
Score = Callable[[Iterable[Conversation]], Floats]
Row = Mapping[str, Any]
_MIN_CHOICES = 2


def figures_on_pairs(tables: Mapping[str, Pairs], score: Score, seed: int) -> dict[str, Any]:
    """Return the accuracy of a reward model on each table that has pairs."""
    figures = {}
    for name, pairs in tables.items():
        if len(pairs):
            chosen = score(conversation_of(pair.messages, pair.chosen) for pair in pairs)
            rejected = score(conversation_of(pair.messages, pair.rejected) for pair in pairs)
            figures[name] = accuracy(pairs, chosen, rejected, seed).as_dict()
    return figures


def figures_of_picks(
    prompts: Iterable[Prompt], rows: Sequence[Row], score: Score, seed: int
) -> dict[str, Any]:
    """Return the figures of a reward model's picks among answers to prompts with a check."""
    by_id = {prompt.prompt_id: prompt for prompt in prompts if prompt.verifier is not None}
    checked = [row for row in rows if row["prompt_id"] in by_id]
    rewards = score(
        conversation_of(by_id[row["prompt_id"]].messages, row["text"]) for row in checked
    )
    passed = [passes(by_id[row["prompt_id"]], row["text"]) for row in checked]
    lengths = [len(row["text"]) for row in checked]
    return best_of_n(
        [row["prompt_id"] for row in checked], rewards, passed, lengths, seed
    ).as_dict()


def checked_pairs(prompts: Iterable[Prompt], rows: Sequence[Row]) -> list[LabelledPair]:
    """Return every pair of answers to one prompt of which one passes its check and one fails."""
    pairs = []
    for prompt in prompts:
        if prompt.verifier is None:
            continue
        texts = sorted({row["text"] for row in rows if row["prompt_id"] == prompt.prompt_id})
        right = [text for text in texts if passes(prompt, text)]
        wrong = [text for text in texts if text not in right]
        pairs += [
            LabelledPair(
                prompt.prompt_id,
                prompt.messages,
                chosen,
                rejected,
                prompt.category,
                parse_verifier(prompt.verifier).accuracy,
            )
            for chosen, rejected in product(right, wrong)
        ]
    return pairs


def passes(prompt: Prompt, text: str) -> bool:
    """Return whether an answer passes its prompt's check."""
    return check(parse_verifier(prompt.verifier or ""), text).passed


@dataclass(frozen=True, slots=True)
class BestOfN:
    """Pass rates of one response a prompt: the one of the highest reward (`picked`), any
    (`random`), the longest, and the best.

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
        """Return the figures for JSON."""
        return asdict(self)


def best_of_n(
    prompt_ids: Sequence[str],
    rewards: ArrayLike,
    passed: ArrayLike,
    lengths: ArrayLike,
    seed: int = 0,
) -> BestOfN:
    """Return the figures of n responses.

    `rewards` (NaN where there is none), whether they `passed`, and their `lengths` in characters
    have shape `(n,)`.

    Raises `TableError` where these are not as many as the prompt ids.
    """
    reward, is_right, length = (np.asarray(values, float) for values in (rewards, passed, lengths))
    if not (reward.shape == is_right.shape == length.shape == (len(prompt_ids),)):
        raise TableError(
            f"{len(prompt_ids)} responses have {reward.shape} rewards, {is_right.shape} outcomes "
            f"and {length.shape} lengths",
            "give one of each for every response",
        )
    scored = np.isfinite(reward)
    names, prompt = np.unique(np.array(prompt_ids, dtype=str), return_inverse=True)
    has_choice = np.bincount(prompt[scored], minlength=len(names)) >= _MIN_CHOICES
    rows = scored & has_choice[prompt]
    outcomes = _outcomes_by_prompt(prompt[rows], reward[rows], is_right[rows], length[rows])
    clusters = numbered(list(names[has_choice]))
    sampler = Resampler.of(clusters, seed)
    figures = {name: share(values, clusters, sampler) for name, values in outcomes.items()}
    return BestOfN(
        n_prompts=int(has_choice.sum()),
        n_mixed=int(np.count_nonzero((outcomes["random"] > 0) & (outcomes["random"] < 1))),
        n_without_choice=int((~has_choice).sum()),
        n_unscored=int((~scored).sum()),
        over_random=paired_difference(outcomes["picked"], outcomes["random"], clusters, sampler),
        over_longest=paired_difference(outcomes["picked"], outcomes["longest"], clusters, sampler),
        **figures,
    )


def _outcomes_by_prompt(
    prompt: Ints, reward: Floats, passed: Floats, length: Floats
) -> dict[str, Floats]:
    """Return the outcome of each way to pick, by prompt in their order."""
    _, place = np.unique(prompt, return_inverse=True)
    n = int(place.max()) + 1 if len(place) else 0

    def mean_where(rows: Bools) -> Floats:
        counts = np.bincount(place[rows], minlength=n)
        means: Floats = np.bincount(place[rows], passed[rows], n) / counts
        return means

    def tops(values: Floats) -> Bools:
        highest = np.full(n, -np.inf)
        np.maximum.at(highest, place, values)
        is_highest: Bools = values == highest[place]
        return is_highest

    return {
        "picked": mean_where(tops(reward)),
        "random": mean_where(np.ones(len(place), dtype=bool)),
        "longest": mean_where(tops(length)),
        "best": mean_where(tops(passed)),
    }
