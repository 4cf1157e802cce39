"""The consensus of several reviewers on a pair, and how right each of them is.

The model of Dawid and Skene (1979) with one accuracy for each reviewer. A pair's truth is one of
three: the lower id is better, the upper is, or neither; none is likelier beforehand. Reviewer r
says the truth with probability q_r and either other thing with (1 - q_r) / 2:

    P(truth = c | answers) = L(c) / (L(lower) + L(neither) + L(upper))
    L(c) = product over r of (q_r if r says c, else (1 - q_r) / 2)

q_r has the prior Beta(1 + n h, 1 + n (1 - h)), whose mode is h = `human_accuracy` and which
weighs as much as n = 20 answers that others checked. EM finds the most probable q; its update is

    q_r = (n h + sum of P(truth = what r said)) / (n + their number)

over the pairs that others looked at too. A pair that r alone labelled says nothing of r: its term
would be q_r itself. So one reviewer's answer on a pair is right with probability q_r, and two who
contradict each other leave it open.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from prefline.stats import Floats, Ints

Votes = Mapping[tuple[str, str], int]
"""By pair and reviewer: +1 the lower id is better, -1 the upper, 0 neither."""

PRIOR_ANSWERS = 20.0
# At a third an answer says nothing; nobody says the opposite of the truth.
LEAST, MOST = 1 / 3, 0.9999
_ROUNDS = 10_000
_STILL = 1e-12
_ACCURACY_DIGITS = 6
_DIGITS = 9  # of what is written: beyond them machines differ
_COLUMNS = (-1, 0, 1)  # the votes, in the order of the arrays' columns


@dataclass(frozen=True, slots=True)
class Reviewer:
    """A reviewer's `accuracy`, and how many pairs it labelled, of which `n_shared` with others."""

    accuracy: float
    n_answers: int
    n_shared: int


@dataclass(frozen=True, slots=True)
class Consensus:
    """The probabilities, by all reviewers of a pair, that the lower id is better, that the upper
    is, and that neither is. `n` answers, of which all say the same if `unanimous`."""

    lower: float
    upper: float
    tie: float
    n: int
    unanimous: bool


def estimate_consensus(
    votes: Votes, human_accuracy: float
) -> tuple[dict[str, Reviewer], dict[str, Consensus]]:
    """Return every reviewer by name, and the consensus on every reviewed pair by id."""
    if not votes:
        return {}, {}
    table = _Table.of(votes)
    accuracy = np.round(_fit(table, human_accuracy), _ACCURACY_DIGITS)
    return _reviewers(table, accuracy), _consensus(table, accuracy)


@dataclass(frozen=True, slots=True)
class _Table:
    """Answers in the order of pairs and reviewers, arrays of shape `(n,)`; `answer` is the column
    of a truth."""

    pairs: tuple[str, ...]
    reviewers: tuple[str, ...]
    pair: Ints
    reviewer: Ints
    answer: Ints

    @classmethod
    def of(cls, votes: Votes) -> _Table:
        """Return the table of the votes, whatever their order."""
        pairs = sorted({pair for pair, _ in votes})
        reviewers = sorted({reviewer for _, reviewer in votes})
        at_pair = {name: at for at, name in enumerate(pairs)}
        at_reviewer = {name: at for at, name in enumerate(reviewers)}
        rows = sorted((at_pair[p], at_reviewer[r], vote + 1) for (p, r), vote in votes.items())
        columns = np.array(rows, dtype=np.int64).T
        return cls(tuple(pairs), tuple(reviewers), *columns)

    @property
    def shared(self) -> Ints:
        """1 for an answer on a pair that others answered too, else 0, shape `(n,)`."""
        return (np.bincount(self.pair)[self.pair] > 1).astype(np.int64)

    def posterior(self, accuracy: Floats) -> Floats:
        """Return P(truth), shape `(pairs, 3)`, for accuracies of shape `(reviewers,)`."""
        right, wrong = np.log(accuracy), np.log((1 - accuracy) / 2)
        cell = self.pair * len(_COLUMNS) + self.answer
        size = len(self.pairs) * len(_COLUMNS)
        score = np.bincount(cell, (right - wrong)[self.reviewer], size).reshape(-1, len(_COLUMNS))
        weight = np.exp(score - score.max(axis=1, keepdims=True))
        chances: Floats = weight / weight.sum(axis=1, keepdims=True)
        return chances


def _fit(table: _Table, prior: float) -> Floats:
    """Return the most probable accuracies, shape `(reviewers,)`, by EM."""
    n = len(table.reviewers)
    shared = np.bincount(table.reviewer, table.shared, n)
    accuracy = np.full(n, prior)
    for _ in range(_ROUNDS):
        right = table.posterior(accuracy)[table.pair, table.answer] * table.shared
        total = PRIOR_ANSWERS * prior + np.bincount(table.reviewer, right, n)
        last, accuracy = accuracy, np.clip(total / (PRIOR_ANSWERS + shared), LEAST, MOST)
        if float(np.max(np.abs(accuracy - last))) < _STILL:
            break
    return accuracy


def _reviewers(table: _Table, accuracy: Floats) -> dict[str, Reviewer]:
    n = len(table.reviewers)
    answers = np.bincount(table.reviewer, minlength=n)
    shared = np.bincount(table.reviewer, table.shared, n).astype(int)
    return {
        name: Reviewer(float(accuracy[at]), int(answers[at]), int(shared[at]))
        for at, name in enumerate(table.reviewers)
    }


def _consensus(table: _Table, accuracy: Floats) -> dict[str, Consensus]:
    size = (len(table.pairs), len(_COLUMNS))
    counts = np.zeros(size, dtype=np.int64)
    np.add.at(counts, (table.pair, table.answer), 1)
    chances = np.round(table.posterior(accuracy), _DIGITS)
    return {
        name: Consensus(
            lower=float(p[2]), tie=float(p[1]), upper=float(p[0]),
            n=int(count.sum()), unanimous=bool(count.max() == count.sum()),
        )
        for name, p, count in zip(table.pairs, chances, counts, strict=True)
    }  # fmt: skip
