"""Recorded verdicts as arrays: one entry for each verdict, and what was told of each pair.

Every pair has a direction, from its response with the lower id (+1) to the other (-1), which says
nothing about quality. An annotator is a judge, the method by which it was asked, and whether it
answered with a probability (soft) or a bare verdict (hard). No Python object is made for a row.
A probability that is the share of several votes is shrunk by their number (`vote_counts.py`).

Anchors are pairs whose truth was told: by rows with `gold`, by rows of the method `verifier`, or
by people. A verifier is right with probability `verifier_accuracy`, so that is its target, not 1.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from prefline.labeling.vote_counts import (
    DEFAULT_CONCENTRATION,
    fit_concentration,
    log_odds_of_votes,
)
from prefline.stats import Bools, Floats, Ints
from prefline.tables.encoding import encode_texts
from prefline.tables.gold import VERIFIER

VERIFIER_ACCURACY = 0.99
MOST_SURE = 0.999  # a probability of 0 or 1 is a rounding of the endpoint's, not a certainty
_VERDICTS = ("first", "second", "tie")
VOTED = _VERDICTS
_NO_METHODS: Mapping[str, Order] = {}


class Order(StrEnum):
    """The origin of the order in which an annotator saw the two responses of a pair."""

    RANDOM = "random"
    GIVEN = "given"  # by something that may go with quality, such as the model's answer first
    UNKNOWN = "unknown"  # the table is asked (`scores.looks_random`)
    UNSEEN = "unseen"  # each response is scored by itself


@dataclass(frozen=True, slots=True, order=True)
class Annotator:
    """A judge and its method. Annotators that are `human` are never corrected for length."""

    judge: str
    method: str
    hard: bool
    human: bool = False
    order: Order = field(default=Order.UNKNOWN, compare=False)


@dataclass(frozen=True, slots=True)
class Votes:
    """M valid verdicts on N pairs by J annotators.

    `pair`, `annotator` (M,) are numbers; pairs are numbered in the order of their ids, so that
    no figure depends on the order of the rows. `side` (M,) is +1 where the lower id was shown
    first, else -1; `value` (M,) the log-odds that the lower id is better (hard: the vote, +1, -1
    or 0), `variance` (M,) what of it is the sampling error of several votes, 0 without. Responses
    are numbered by `first_response` and `second_response` (M,).

    Of the pairs, (N,) each: `first_row` is the pair's first row in the table, `lower_first`
    whether that shows the lower id first, `prompt` numbers the prompts (without them: the pairs),
    `log_ratio` is ln(length of lower / length of upper), 0 where not known. `target` is the
    probability that the lower id is better as anchors tell it, `weight` how many observations
    that counts for, 0 where nothing was told. `concentrations` are those by which shares of several
    votes were shrunk.
    """

    annotators: tuple[Annotator, ...]
    pair: Ints
    annotator: Ints
    side: Floats
    value: Floats
    variance: Floats
    first_response: Ints
    second_response: Ints
    first_row: Ints
    lower_first: Bools
    prompt: Ints
    log_ratio: Floats
    target: Floats
    weight: Floats
    concentrations: Mapping[Annotator, float] = field(default_factory=dict)

    @property
    def n_pairs(self) -> int:
        """N."""
        return len(self.first_row)

    @property
    def human(self) -> Bools:
        """True for each annotator that is a person, (J,)."""
        return np.array([annotator.human for annotator in self.annotators], dtype=bool)

    @property
    def judged(self) -> Bools:
        """True for each pair that an annotator judged, (N,)."""
        return np.bincount(self.pair, minlength=self.n_pairs) > 0

    def with_anchors(self, target: Floats, weight: Floats) -> Votes:
        """Return the same votes with these anchors, (N,) each."""
        return replace(self, target=target, weight=weight)


def read_votes(
    table: pa.Table,
    *,
    people: Collection[str] = (),
    order: Order = Order.UNKNOWN,
    order_of_method: Mapping[str, Order] = _NO_METHODS,
    verifier_accuracy: float = VERIFIER_ACCURACY,
    concentrations: Mapping[Annotator, float] | None = None,
) -> Votes:
    """Return the votes of a checked table in the form of `prefline audit`.

    `people` are the judges that are human. `order` is how orders were chosen, except by judges
    of the methods in `order_of_method`. Columns: first_id, second_id, judge, and verdict or
    p_first; optional pair_id, prompt_id, method, gold, first_length, second_length; and
    votes_first, votes_second, votes_tie where p_first is the share of several votes, which are
    shrunk by `concentrations` if given, those of other votes by the same annotators.
    """
    first, second = _strings(table, "first_id"), _strings(table, "second_id")
    lower_first = _array(pc.less_equal(first, second)).astype(bool)
    pair, n_pairs = _numbered(_pair_keys(table, first, second))
    first_row = np.full(n_pairs, len(pair), dtype=np.int64)
    np.minimum.at(first_row, pair, np.arange(len(pair)))
    side = np.where(lower_first, 1.0, -1.0)
    vote, value, hard = _verdicts(table, side)
    valid = ~np.isnan(vote)
    by_verifier = _is_verifier(table)
    annotators, who = _annotators(table, hard, people, order, order_of_method)
    keep = np.flatnonzero(valid & ~by_verifier)
    if concentrations is None:
        concentrations = _concentrations(table, side, who, keep, annotators)
    value, variance = _shrunk(table, side, who, keep, value, annotators, concentrations)
    used, place = np.unique(who[keep], return_inverse=True)
    ranked = sorted(range(len(used)), key=lambda k: annotators[used[k]])
    rank = np.empty(len(used), dtype=np.int64)
    rank[ranked] = np.arange(len(used))
    responses, _ = _numbered(pa.chunked_array(first.chunks + second.chunks, pa.string()))
    target, weight = _anchors(
        table, pair, side, n_pairs, np.where(by_verifier & valid, vote, np.nan), verifier_accuracy
    )
    return Votes(
        annotators=tuple(annotators[used[k]] for k in ranked),
        pair=pair[keep],
        annotator=rank[place],
        side=side[keep],
        value=value[keep],
        variance=variance[keep],
        first_response=responses[: len(pair)][keep],
        second_response=responses[len(pair) :][keep],
        first_row=first_row,
        lower_first=lower_first[first_row],
        prompt=_prompts(table, first_row),
        log_ratio=_log_ratio(table, pair, side, n_pairs),
        target=target,
        weight=weight,
        concentrations=concentrations,
    )


def _pair_keys(table: pa.Table, first: Any, second: Any) -> Any:
    if "pair_id" in table.column_names:
        return _strings(table, "pair_id")
    lower, upper = pc.min_element_wise(first, second), pc.max_element_wise(first, second)
    return pc.binary_join_element_wise(lower, upper, "\n")


def _verdicts(table: pa.Table, side: Floats) -> tuple[Floats, Floats, Bools]:
    """Return (vote, value, hard), (M,) each: votes for the lower id, NaN for no valid verdict."""
    p = _floats(table, "p_first")
    by_p = np.sign(p - 0.5)
    if "verdict" in table.column_names:
        place = _places(table, "verdict", _VERDICTS)
        missing = _array(pc.is_null(table["verdict"])).astype(bool)
        named = np.array([1.0, -1.0, 0.0, np.nan])[place]
        vote = np.where(missing, by_p, named) * side
    else:
        vote = by_p * side
    soft = ~np.isnan(p) & ~np.isnan(vote)
    odds = np.clip(np.where(soft, p, 0.5), 1 - MOST_SURE, MOST_SURE)
    return vote, np.where(soft, np.log(odds / (1 - odds)) * side, vote), ~soft


def _concentrations(
    table: pa.Table, side: Floats, who: Ints, keep: Ints, annotators: Sequence[Annotator]
) -> dict[Annotator, float]:
    """Return the annotators' concentrations, fitted to the votes' counts in the rows `keep`."""
    return {
        annotators[number]: fit_concentration(k, n)
        for number, _, k, n in _counted(table, side, who, keep)
    }


def _shrunk(
    table: pa.Table,
    side: Floats,
    who: Ints,
    keep: Ints,
    value: Floats,
    annotators: Sequence[Annotator],
    concentrations: Mapping[Annotator, float],
) -> tuple[Floats, Floats]:
    """Return (value, variance), (M,) each: log-odds by the votes' counts in rows that have them."""
    value, variance = value.copy(), np.zeros(len(value))
    for number, rows, k, n in _counted(table, side, who, keep):
        concentration = concentrations.get(annotators[number], DEFAULT_CONCENTRATION)
        value[rows], variance[rows] = log_odds_of_votes(k, n, concentration)
    return value, variance


def _counted(
    table: pa.Table, side: Floats, who: Ints, keep: Ints
) -> Iterator[tuple[int, Ints, Floats, Floats]]:
    """Yield each annotator's number, its rows with counts of votes, and for these the votes for
    the lower id and how many there are."""
    if "votes_first" not in table.column_names or not len(keep):
        return
    counts = {side: np.nan_to_num(_floats(table, f"votes_{side}")) for side in VOTED}
    n = sum(counts.values(), np.zeros(len(side)))
    counted = keep[n[keep] > 0]
    for number in np.unique(who[counted]).tolist():
        rows = counted[who[counted] == number]
        toward = np.where(side[rows] > 0, counts["first"][rows], counts["second"][rows])
        yield number, rows, toward + counts["tie"][rows] / 2, n[rows]


def _is_verifier(table: pa.Table) -> Bools:
    if "method" not in table.column_names:
        return np.zeros(table.num_rows, dtype=bool)
    method = pc.fill_null(_strings(table, "method"), "")
    return np.asarray(_array(pc.equal(method, pa.scalar(VERIFIER))), dtype=bool)


def _annotators(
    table: pa.Table,
    hard: Bools,
    people: Collection[str],
    order: Order,
    order_of_method: Mapping[str, Order],
) -> tuple[list[Annotator], Ints]:
    """Return the annotators, and the number of each row's (M,)."""
    judge, judges = _encoded(_strings(table, "judge"))
    method, methods = np.zeros(len(judge), dtype=np.int64), [""]
    if "method" in table.column_names:
        method, methods = _encoded(pc.fill_null(_strings(table, "method"), ""))
    joint = (judge * len(methods) + method) * 2 + hard
    kept, place = np.unique(joint, return_inverse=True)
    annotators = []
    for code in kept.tolist():
        name, way = judges[code // 2 // len(methods)], methods[code // 2 % len(methods)]
        how = order_of_method.get(way, order)
        annotators.append(Annotator(name, way, bool(code % 2), name in people, how))
    return annotators, place.astype(np.int64)


def _anchors(
    table: pa.Table,
    pair: Ints,
    side: Floats,
    n_pairs: int,
    verified: Floats,
    verifier_accuracy: float,
) -> tuple[Floats, Floats]:
    """Return (target, weight), (N,) each: gold as it stands, a verifier at its accuracy.

    Several are averaged; what contradicts itself, or calls the pair a tie, tells nothing.
    """
    total, count = np.zeros(n_pairs), np.zeros(n_pairs)
    gold = np.full(len(pair), np.nan)
    if "gold" in table.column_names:
        place = _places(table, "gold", _VERDICTS)
        gold = np.array([1.0, -1.0, 0.0, np.nan])[place] * side
    for toward, accuracy in ((gold, 1.0), (verified, verifier_accuracy)):
        rows = ~np.isnan(toward)
        total += np.bincount(pair[rows], 0.5 + toward[rows] * (accuracy - 0.5), n_pairs)
        count += np.bincount(pair[rows], minlength=n_pairs)
    target = np.where(count > 0, total / np.maximum(count, 1), 0.5)
    return target, (np.abs(target - 0.5) > 1e-9).astype(float)  # noqa: PLR2004 - a tie


def _prompts(table: pa.Table, first_row: Ints) -> Ints:
    if "prompt_id" not in table.column_names:
        return np.arange(len(first_row))
    prompt, names = _encoded(_strings(table, "prompt_id"))
    rank = np.empty(len(names) + 1, dtype=np.int64)
    rank[sorted(range(len(names)), key=names.__getitem__)] = np.arange(len(names))
    rank[-1] = -1
    of_pair = rank[prompt[first_row]]
    alone = len(names) + np.arange(len(first_row))
    return np.where(of_pair >= 0, of_pair, alone)


def _log_ratio(table: pa.Table, pair: Ints, side: Floats, n_pairs: int) -> Floats:
    first, second = (_floats(table, f"{name}_length") for name in ("first", "second"))
    ratio = (np.log(np.maximum(first, 1)) - np.log(np.maximum(second, 1))) * side
    known = ~np.isnan(ratio)
    count = np.maximum(np.bincount(pair[known], minlength=n_pairs), 1)
    return np.asarray(np.bincount(pair[known], ratio[known], n_pairs) / count)


def _strings(table: pa.Table, name: str) -> Any:
    return pc.cast(table[name], pa.string())


def _array(column: Any) -> Any:
    """Return a column as an array, whatever its chunks."""
    combined = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return combined.to_numpy(zero_copy_only=False)


def _floats(table: pa.Table, name: str) -> Floats:
    if name not in table.column_names:
        return np.full(table.num_rows, np.nan)
    return np.asarray(_array(pc.cast(table[name], pa.float64())), dtype=np.float64)


def _encoded(column: Any) -> tuple[Ints, list[str]]:
    """Return each text's number (-1 for null) and the texts, in the order of appearance."""
    encoded = encode_texts(column)
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    return codes, encoded.dictionary.to_pylist()


def _numbered(column: Any) -> tuple[Ints, int]:
    """Return each text's place in the sorted list of all texts, and how many there are."""
    encoded = encode_texts(column)
    ranked = pc.sort_indices(encoded.dictionary).to_numpy(zero_copy_only=False)
    rank = np.empty(len(ranked), dtype=np.int64)
    rank[ranked] = np.arange(len(ranked))
    return rank[encoded.indices.to_numpy(zero_copy_only=False)], len(ranked)


def _places(table: pa.Table, name: str, values: tuple[str, ...]) -> Ints:
    """Return the place of each row's value among `values`, -1 for another or none."""
    places = pc.index_in(_strings(table, name), value_set=pa.array(values, pa.string()))
    return np.asarray(_array(pc.fill_null(places, -1)), dtype=np.int64)
