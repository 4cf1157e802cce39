"""Which pairs people should look at."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from prefline.config import PairParams
from prefline.ids import lot
from tasks.pair.decide import Decided, contradicted

_DIGITS = 9  # beyond them machines differ
_DOUBT = 0.5  # how much of the contradiction of judges is held against a label


@dataclass(frozen=True, slots=True)
class Queued:
    """A pair for people: `why` it is there, what an answer is worth (`value`), and how many
    answers it has."""

    decided: Decided
    why: str
    value: float
    n_answers: int


def draw_queue(
    judged: Iterable[Decided],
    answered: Mapping[str, int],
    categories: Mapping[str, str],
    params: PairParams,
) -> list[Queued]:
    """The pairs that people should look at, in the order of their ids, which says nothing.

    `judged` are all pairs with their label on the word of judges alone, kept and rejected;
    `answered` is how many answers a pair has, `categories` are the prompts' by id. A pair
    with `reviewers_per_pair` answers is done. Of the others go in: the random share; those that
    have been begun; and those of the greatest value, until there are `size` beside the random
    ones. Equal values go by a hash.
    """
    review = params.review
    waiting = [
        _queued(one, answered.get(one.evidence.pair_id, 0), categories, params)
        for one in judged
        if answered.get(one.evidence.pair_id, 0) < review.reviewers_per_pair
    ]
    drawn = [one for one in waiting if one.why in ("random", "begun")]
    places = max(review.size - sum(one.why == "begun" for one in drawn), 0)
    valued = [one for one in waiting if one.value > 0 and one.why not in ("random", "begun")]
    valued.sort(key=lambda one: (-one.value, _lot("value", one.decided, params)))
    return sorted(drawn + valued[:places], key=lambda one: one.decided.evidence.pair_id)


def is_random(pair_id: str, params: PairParams) -> bool:
    """Whether a pair is of the random share: by its id and the seed alone, whatever was said of it
    or answered, so that the share is an unbiased sample of all pairs."""
    return lot("review", params.seed, pair_id) < params.review.random_share


def value_of(judged: Decided, category: str, params: PairParams) -> float:
    """What one answer is worth: the error that it is expected to take off the pair's label,
    weighted by what an error costs.

        value = stakes max(0, (1 - p) - (1 - h)) = stakes max(0, h - p)

    After an answer the label is people's, right with h = `human_accuracy`; before it is right
    with p = p_chosen, which is taken with care: averaged over the standard error s of its
    log-odds m, sigma(m / sqrt(1 + pi s^2 / 8)) (MacKay 1992), and then brought towards one half
    by half the share of the model judges that name the other response. (The label model has
    heard them already; this is for where it is wrong, as docs/reviews.md measures.) `stakes` is
    `high_stakes_weight` in the categories `high_stakes`, else 1. A tie is worth nothing: people
    are expected to see one too.
    """
    if judged.reason == "tie":
        return 0.0
    review = params.review
    odds = math.log(judged.p_chosen / (1 - judged.p_chosen))
    averaged = 1 / (1 + math.exp(-odds / math.sqrt(1 + math.pi * judged.log_odds_se**2 / 8)))
    p = averaged - _DOUBT * contradicted(judged) * (averaged - 0.5)
    stakes = review.high_stakes_weight if category in review.high_stakes else 1.0
    return round(stakes * max(0.0, review.human_accuracy - p), _DIGITS)


def _queued(
    judged: Decided, n_answers: int, categories: Mapping[str, str], params: PairParams
) -> Queued:
    category = categories[judged.evidence.prompt_id]
    value = value_of(judged, category, params)
    return Queued(judged, _why(judged, n_answers, category, params), value, n_answers)


def _why(judged: Decided, n_answers: int, category: str, params: PairParams) -> str:
    if is_random(judged.evidence.pair_id, params):
        return "random"
    if n_answers:
        return "begun"
    if category in params.review.high_stakes:
        return "high_stakes"
    return "judges_disagree" if contradicted(judged) else "uncertain"


def _lot(what: str, judged: Decided, params: PairParams) -> float:
    return lot(what, params.seed, judged.evidence.pair_id)
