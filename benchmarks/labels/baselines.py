"""Simpler ways to label: each takes rows of `judgments` (no verifier's) and gives every pair
(lower id, upper id) the probability that its lower id is better."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import numpy as np

Rows = list[dict[str, Any]]
Chances = dict[tuple[str, str], float]
_ROUNDS = 200


def majority(rows: Rows) -> Chances:
    """The share of verdicts for the lower id; at one half, a coin's word (`decided`)."""
    return _means(rows, lambda row: float(row["verdict"] == "first"))


def mean_swapped(rows: Rows) -> Chances:
    """The mean of p_first, turned to one direction (a verdict where there is none): what
    averaging over swapped orders gives."""
    return _means(
        rows,
        lambda row: float(row["verdict"] == "first") if row["p_first"] is None else row["p_first"],
    )


def _means(rows: Rows, value: Any) -> Chances:
    found = defaultdict(list)
    for row in rows:
        lower = row["first_id"] < row["second_id"]
        found[_pair(row)].append(value(row) if lower else 1 - value(row))
    return {pair: float(np.mean(values)) for pair, values in found.items()}


def dawid_skene(rows: Rows) -> Chances:
    """Dawid and Skene (1979) by EM: every judge has a confusion matrix of truth (first or second
    is better) and verdict, in the order shown, so it knows position bias; 1 added to each cell;
    the truth of the lower id has probability 1/2."""
    pairs = {pair: at for at, pair in enumerate(sorted({_pair(row) for row in rows}))}
    judges = {name: at for at, name in enumerate(sorted({row["judge"] for row in rows}))}
    at = np.array([pairs[_pair(row)] for row in rows])
    who = np.array([judges[row["judge"]] for row in rows])
    lower = np.array([row["first_id"] < row["second_id"] for row in rows])
    first = np.array([row["verdict"] == "first" for row in rows])
    p = np.bincount(at, weights=first == lower) / np.bincount(at)
    for _ in range(_ROUNDS):
        first_better = np.where(lower, p[at], 1 - p[at])
        said = _shares(who, first, first_better), _shares(who, first, 1 - first_better)
        ratio = np.log(np.where(first, said[0][who], 1 - said[0][who]))
        ratio -= np.log(np.where(first, said[1][who], 1 - said[1][who]))
        odds = np.bincount(at, weights=np.where(lower, ratio, -ratio))
        p = 1 / (1 + np.exp(-odds))
    return {pair: float(p[place]) for pair, place in pairs.items()}


def _shares(who: np.ndarray, first: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Each judge's probability to say "first", by the weight of a truth."""
    return (np.bincount(who, weights=weight * first) + 1) / (np.bincount(who, weights=weight) + 2)


def bradley_terry(rows: Rows, models: Mapping[str, str]) -> Chances:
    """Bradley and Terry (1952) over the models that wrote the responses, by minorisation (Hunter,
    2004), 1 win added to every ordered pair of models: a pair's label is its stronger model."""
    names = {name: at for at, name in enumerate(sorted(set(models.values())))}
    wins = np.ones((len(names), len(names)))
    for row in rows:
        one, other = names[models[row["first_id"]]], names[models[row["second_id"]]]
        won = row["verdict"] == "first"
        wins[(one, other) if won else (other, one)] += 1
    np.fill_diagonal(wins, 0)
    strength = np.ones(len(names))
    for _ in range(_ROUNDS):
        met = (wins + wins.T) / np.add.outer(strength, strength)
        strength = wins.sum(axis=1) / met.sum(axis=1)
        strength /= strength.mean()
    found = {}
    for row in rows:
        a, b = (strength[names[models[identity]]] for identity in _pair(row))
        found[_pair(row)] = float(a / (a + b))
    return found


def _pair(row: Mapping[str, Any]) -> tuple[str, str]:
    first, second = row["first_id"], row["second_id"]
    return (first, second) if first < second else (second, first)
