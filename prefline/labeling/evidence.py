"""Everything that judges said about one pair, turned to one direction."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from prefline.config.judge import METHODS
from prefline.ids import pair_id
from prefline.labeling.votes import Order, Votes, read_votes
from prefline.stats import Floats
from prefline.tables.gold import VERIFIER

_COLUMNS = ("prompt_id", "first_id", "second_id", "judge", "method", "verdict")
_NUMBERS = ("p_first", "votes_first", "votes_second", "votes_tie")
_SIDE = {"first": 1, "second": -1}


@dataclass(frozen=True, slots=True)
class Observation:
    """One valid verdict, seen from the pair's lower id.

    `vote` is +1, -1 or 0; `shown_first` says that the judge saw the lower id first.
    """

    judge: str
    method: str
    vote: int
    shown_first: bool


@dataclass(slots=True)
class Evidence:
    """Everything that is known about one pair.

    `lower` and `upper` are its responses' ids in their natural order, which says nothing about
    quality; `invalid` counts invalid verdicts.
    """

    pair_id: str
    prompt_id: str
    lower: str
    upper: str
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


def gather_evidence(judgments: Iterable[Mapping[str, Any]]) -> list[Evidence]:
    """Return rows of `judgments` by pair, in the order of the pairs' ids."""
    by_pair: dict[str, Evidence] = {}
    for row in judgments:
        lower, upper = sorted((row["first_id"], row["second_id"]))
        identity = pair_id(lower, upper)
        evidence = by_pair.get(identity)
        if evidence is None:
            evidence = Evidence(identity, row["prompt_id"], lower, upper)
            by_pair[identity] = evidence
        if row["verdict"] == "invalid":
            evidence.invalid += 1
        else:
            shown_first = row["first_id"] == lower
            vote = _SIDE.get(row["verdict"], 0) * (1 if shown_first else -1)
            evidence.observations.append(
                Observation(row["judge"], row["method"], vote, shown_first)
            )
    return [by_pair[identity] for identity in sorted(by_pair)]


def judgment_votes(
    judgments: Sequence[Mapping[str, Any]],
    evidence: Sequence[Evidence],
    lengths: Mapping[str, int],
    *,
    people: Collection[str] = (),
) -> Votes:
    """Return the votes of all judges in rows of `judgments`, the pairs numbered as in `evidence`,
    which was gathered from them.

    `people` are the judges that are human. The pipeline draws the order of each comparison by
    hash, so single orders are random; what was imported may not be.
    """
    import pyarrow as pa

    names = {(each.lower, each.upper): each.pair_id for each in evidence}
    columns: dict[str, Any] = {
        name: pa.array([row[name] for row in judgments], pa.string()) for name in _COLUMNS
    }
    columns |= {
        name: pa.array([row.get(name) for row in judgments], pa.float64()) for name in _NUMBERS
    }
    shown = [(row["first_id"], row["second_id"]) for row in judgments]
    columns["pair_id"] = pa.array([names[min(a, b), max(a, b)] for a, b in shown], pa.string())
    for place, name in enumerate(("first_length", "second_length")):
        columns[name] = pa.array([lengths.get(pair[place]) for pair in shown], pa.float64())
    return read_votes(
        pa.table(columns),
        people=people,
        order=Order.RANDOM,
        order_of_method=order_of_method(row["method"] for row in judgments),
    )


def with_verifier_accuracy(votes: Votes, accuracy: Floats) -> Votes:
    """Return the votes with anchors as noisy as the verifiers that told them.

    `accuracy` (N,) is that of each pair's verifier, one half where none decided.
    """
    target = 0.5 + np.sign(votes.target - 0.5) * (accuracy - 0.5)
    return votes.with_anchors(target, np.where(accuracy != 0.5, votes.weight, 0.0))  # noqa: PLR2004


def order_of_method(methods: Iterable[str]) -> dict[str, Order]:
    """Return how each judging method orders responses, by its declaration."""
    return {method: _order_of(method) for method in set(methods)}


def _order_of(method: str) -> Order:
    if method == "imported":
        return Order.UNKNOWN
    declared = method in METHODS.names()
    return Order.RANDOM if not declared or METHODS.get(method).sees_order else Order.UNSEEN
