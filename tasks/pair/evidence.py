"""What all judges said about one pair, turned to one direction."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from prefline.ids import pair_id

VERIFIER = "verifier"
_MOST_SURE = 0.999  # a probability of 0 or 1 is a rounding of the endpoint's, not a certainty
_SIDE = {"first": 1, "second": -1}


@dataclass(frozen=True, slots=True)
class Saying:
    """One valid verdict, seen from the pair's lower id.

    `log_odds` is the judge's log-odds that the lower id is better; `vote` is +1, -1 or 0.
    `shown_first` says that the judge saw the lower id first.
    """

    judge: str
    method: str
    vote: int
    log_odds: float
    shown_first: bool


@dataclass(slots=True)
class Evidence:
    """Everything that is known about one pair; `lower` and `upper` are its responses' ids
    in their natural order, which says nothing about quality."""

    pair_id: str
    prompt_id: str
    lower: str
    upper: str
    sayings: list[Saying] = field(default_factory=list)
    invalid: int = 0

    def of(self, judge: str) -> list[Saying]:
        """The valid verdicts of one judge."""
        return [saying for saying in self.sayings if saying.judge == judge]

    @property
    def verified(self) -> int | None:
        """+1 or -1 where a verifier decides, 0 where it says tie, None where there is none."""
        votes = [saying.vote for saying in self.sayings if saying.method == VERIFIER]
        return votes[0] if votes else None


def gather_evidence(rows: Iterable[Mapping[str, Any]]) -> list[Evidence]:
    """Judgments by pair, in the order of the pairs' ids."""
    found: dict[str, Evidence] = {}
    for row in rows:
        lower, upper = sorted((row["first_id"], row["second_id"]))
        identity = pair_id(lower, upper)
        evidence = found.setdefault(identity, Evidence(identity, row["prompt_id"], lower, upper))
        if row["verdict"] == "invalid":
            evidence.invalid += 1
        else:
            evidence.sayings.append(_saying(row, lower))
    return [found[identity] for identity in sorted(found)]


def _saying(row: Mapping[str, Any], lower: str) -> Saying:
    shown_first = row["first_id"] == lower
    vote = _SIDE.get(row["verdict"], 0) * (1 if shown_first else -1)
    if row["p_first"] is None:
        log_odds = float(vote)  # no probability given: one unit, which calibration scales
    else:
        p = min(max(row["p_first"], 1 - _MOST_SURE), _MOST_SURE)
        log_odds = math.log(p / (1 - p)) * (1 if shown_first else -1)
    return Saying(row["judge"], row["method"], vote, log_odds, shown_first)
