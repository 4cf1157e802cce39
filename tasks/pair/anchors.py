"""The anchors with the labels that they did not teach, by which `publish` measures labels."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from prefline.config import PairParams
from prefline.ids import in_random_share
from tasks.pair.labels import LabelledPair, LabelledPairs
from tasks.pair.queue import random_lot

PEOPLE, VERIFIER = "people", "verifier"
_DIGITS = 9  # beyond them machines differ


def anchor_rows(pairs: LabelledPairs, params: PairParams) -> Iterator[dict[str, Any]]:
    """Yield a row for each word of people or of a verifier, in the order of the pairs' ids.

    People are compared with the label that the pair would have without them, which may be a
    verifier's; a verifier with the label of judges alone.
    """
    decided = pairs.by_people
    if not decided and not pairs.n_held_back:
        return
    share = drawn_share(pairs, params)
    for pair in pairs.by_judges:
        evidence = pair.evidence
        by_people = evidence.pair_id in decided
        by_verifier = bool(evidence.verified) and not math.isnan(pair.held_back)
        if not by_people and not by_verifier:
            continue
        of_pair = {
            "pair_id": evidence.pair_id,
            "prompt_id": evidence.prompt_id,
            "category": evidence.category,
            "drawn": in_random_share(evidence.pair_id, params.seed, share),
        }
        if by_people:
            yield of_pair | _by_people(pair, decided[evidence.pair_id])
        if by_verifier:
            yield of_pair | _by_verifier(pair, params)


def drawn_share(pairs: LabelledPairs, params: PairParams) -> float:
    """Return the share of all pairs that was drawn for people.

    That is `random_share`; or more, where people answered all pairs of a larger share, since the
    queue draws more while few pairs of known truth are there.
    """
    answered = pairs.reviews.by_pair()
    if not answered:
        return params.review.random_share
    lots = (random_lot(pair.evidence.pair_id, params) for pair in pairs.by_judges
            if pair.evidence.pair_id not in answered)  # fmt: skip
    return max(params.review.random_share, min(lots, default=1.0))


def _by_people(pair: LabelledPair, people: LabelledPair) -> dict[str, Any]:
    tie = people.reason == "people_tie"
    settled = tie or people.reason is None
    agrees = not tie and pair.chosen == people.chosen
    return {
        "told_by": PEOPLE,
        "label_source": pair.label_source,
        "p_chosen": pair.p_chosen,
        "agrees": agrees if settled else None,
        "tie": tie,
        "kept": pair.reason is None,
    }


def _by_verifier(pair: LabelledPair, params: PairParams) -> dict[str, Any]:
    log_odds = float(np.round(pair.held_back, _DIGITS))
    p = round(1 / (1 + math.exp(-abs(log_odds))), _DIGITS)
    return {
        "told_by": VERIFIER,
        "label_source": pair.evidence.said.source,
        "p_chosen": p,
        "agrees": log_odds * pair.evidence.verified > 0,
        "tie": False,
        "kept": p >= params.min_p_chosen,
    }
