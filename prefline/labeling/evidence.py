"""Everything that judges said about one pair, turned to one direction."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from prefline.ids import pair_id
from prefline.tables.gold import VERIFIER

_MOST_SURE = 0.999  # a probability of 0 or 1 is a rounding of the endpoint's, not a certainty
_VOTES = ("votes_first", "votes_second", "votes_tie")
_SIDE = {"first": 1, "second": -1}


@dataclass(frozen=True, slots=True)
class Observation:
    """One valid verdict, seen from the pair's lower id.

    `log_odds` is the judge's log-odds that the lower id is better; `vote` is +1, -1 or 0.
    `shown_first` says that the judge saw the lower id first; `hard` that it gave a verdict
    without a probability, so that `log_odds` is its vote.
    """

    judge: str
    method: str
    vote: int
    log_odds: float
    shown_first: bool
    hard: bool


@dataclass(slots=True)
class Evidence:
    """Everything that is known about one pair.

    `lower` and `upper` are its responses' ids in their natural order, which says nothing about
    quality. `log_length_ratio` is ln(length of lower / length of upper), 0 where the lengths are
    not known; `invalid` counts invalid verdicts.
    """

    pair_id: str
    prompt_id: str
    lower: str
    upper: str
    log_length_ratio: float = 0.0
    observations: list[Observation] = field(default_factory=list)
    invalid: int = 0

    def of(self, judge: str) -> list[Observation]:
        """Return the valid verdicts of one judge."""
        return [observation for observation in self.observations if observation.judge == judge]

    @property
    def verified(self) -> int | None:
        """+1 or -1 where a verifier decides, 0 where it says tie, None where there is none."""
        votes = [
            observation.vote for observation in self.observations if observation.method == VERIFIER
        ]
        return votes[0] if votes else None


def gather_evidence(
    judgments: Iterable[Mapping[str, Any]], lengths: Mapping[str, int] | None = None
) -> list[Evidence]:
    """Return rows of `judgments` by pair, in the order of the pairs' ids.

    `lengths` are characters by response id.
    """
    by_pair: dict[str, Evidence] = {}
    known = lengths or {}
    for row in judgments:
        lower, upper = sorted((row["first_id"], row["second_id"]))
        identity = pair_id(lower, upper)
        evidence = by_pair.get(identity)
        if evidence is None:
            ratio = _log_length_ratio(known.get(lower), known.get(upper))
            evidence = Evidence(identity, row["prompt_id"], lower, upper, ratio)
            by_pair[identity] = evidence
        if row["verdict"] == "invalid":
            evidence.invalid += 1
        else:
            evidence.observations.append(_observation(row, lower))
    return [by_pair[identity] for identity in sorted(by_pair)]


def _log_length_ratio(lower: int | None, upper: int | None) -> float:
    """Return ln(lower / upper), lengths of at least 1; 0 where one is not known."""
    if lower is None or upper is None:
        return 0.0
    return math.log(max(lower, 1) / max(upper, 1))


def _observation(row: Mapping[str, Any], lower: str) -> Observation:
    shown_first = row["first_id"] == lower
    direction = 1 if shown_first else -1
    vote = _SIDE.get(row["verdict"], 0) * direction
    hard = row["p_first"] is None
    n_votes = sum(row.get(name) or 0 for name in _VOTES)
    if hard:
        log_odds = float(vote)
    elif n_votes:
        log_odds = _log_odds_of_share(row["p_first"], n_votes) * direction
    else:
        p = min(max(row["p_first"], 1 - _MOST_SURE), _MOST_SURE)
        log_odds = math.log(p / (1 - p)) * direction
    return Observation(row["judge"], row["method"], vote, log_odds, shown_first, hard)


@cache
def _log_odds_of_share(p_first: float, n_votes: int) -> float:
    """Return the log-odds of a share of several votes, shrunk by their number."""
    import numpy as np

    from prefline.labeling.vote_counts import log_odds_of_votes

    n = np.array([float(n_votes)])
    mean, _ = log_odds_of_votes(p_first * n, n)
    return float(mean[0])
