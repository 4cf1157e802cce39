"""What came of the pairs, in figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from prefline.config import PairParams
from prefline.stats.agreement import Ratings, krippendorff_alpha
from prefline.stats.bootstrap import NOTHING
from tasks.pair.against import against_people, written
from tasks.pair.label import Labelled
from tasks.pair.people import Votes
from tasks.pair.review import Queued, is_random

Figures = dict[str, Any]


def pair_metrics(
    labelled: Labelled,
    queue: Sequence[Queued],
    judgments: Iterable[Mapping[str, Any]],
    params: PairParams,
) -> Figures:
    """Counts of labels and rejections, what each judge's word was found to be worth, and what
    people's answers tell."""
    decided = labelled.decided
    kept = [one for one in decided if one.reason is None]
    calibrations = sorted(labelled.calibrations.items())
    return {
        "pairs": len(decided),
        "preferences": len(kept),
        "queued_for_review": len(queue),
        "mean_p_chosen": sum(one.p_chosen for one in kept) / len(kept) if kept else None,
        "label_source": dict(sorted(Counter(one.label_source for one in kept).items())),
        "rejected": dict(sorted(Counter(one.reason for one in decided if one.reason).items())),
        "calibration": {name: asdict(one) for name, one in calibrations},
        "reviews": _answers(labelled, queue, params)
        | {"against_people": _against(labelled, list(judgments), params)},
    }


def _answers(labelled: Labelled, queue: Iterable[Queued], params: PairParams) -> Figures:
    """Counts of answers, each reviewer's estimated accuracy, how far reviewers agree
    (nominal, with its interval by prompt), and pairs queued by why."""
    reviews = labelled.reviews
    prompts = {one.evidence.pair_id: one.evidence.prompt_id for one in labelled.judged}
    return {
        "n_answers": len(reviews.votes),
        "n_pairs": len(reviews.by_pair()),
        "ties": sum(vote == 0 for vote in reviews.votes.values()),
        "skipped": reviews.skipped,
        "unknown_pairs": len(reviews.unknown),
        "reviewers": {name: asdict(one) for name, one in sorted(labelled.reviewers.items())},
        "krippendorff_alpha": _alpha(reviews.votes, prompts, params.seed),
        "queued": dict(sorted(Counter(one.why for one in queue).items())),
    }


def _against(
    labelled: Labelled, judgments: Sequence[Mapping[str, Any]], params: PairParams
) -> Figures:
    """The labels and judges against people: on the random share alone, which is an unbiased
    sample as far as it has been reviewed, and on all reviewed pairs, which were chosen for
    being hard."""
    people = labelled.by_people
    drawn = [one for one in labelled.judged if is_random(one.evidence.pair_id, params)]
    random = {pair: one for pair, one in people.items() if is_random(pair, params)}
    of_random, of_all = (
        against_people(labelled.judged, some, judgments, params.seed) for some in (random, people)
    )
    counts = {"drawn": len(drawn), "reviewed": len(random)}
    return {"random": counts | of_random, "all": {"reviewed": len(people)} | of_all}


def _alpha(votes: Votes, prompts: Mapping[str, str], seed: int) -> Figures:
    if not votes:
        return NOTHING.as_dict()
    pairs, item = np.unique([pair for pair, _ in votes], return_inverse=True)
    _, cluster = np.unique([prompts[pair] for pair in pairs], return_inverse=True)
    reviewers = np.array([reviewer for _, reviewer in votes])
    said = np.array(list(votes.values()))
    labels = [
        Ratings(item[mine], said[mine], cluster[item[mine]])
        for mine in (reviewers == name for name in np.unique(reviewers))
    ]
    return written(krippendorff_alpha(labels, seed).as_dict())
