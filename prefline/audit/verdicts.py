"""The audit table as arrays, which every figure is computed from."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from prefline.audit.table import FIRST, GOLD, NONE, SECOND, TIE, VERDICTS, VOTES
from prefline.errors import InputError
from prefline.stats import Bools, Floats, Ints
from prefline.tables.encoding import encode_texts


@dataclass(frozen=True, slots=True)
class Verdicts:
    """n verdicts, one array of shape `(n,)` for each column.

    Names are numbered in their sorted order, -1 where there is none, so that no figure
    depends on the order of the rows. `side` is 1 where the first shown is the lower of the
    two response ids, else -1: `verdict * side` is the verdict as seen from the lower one.
    `cluster` is what is resampled as one: the prompt, or the pair where there is none.
    `verdict` and `gold` are 1 (first), -1 (second), 0 (tie) or 2 (invalid; no gold).
    `p_first` and the lengths are NaN where missing; `n_votes` is 0 where `p_first` is not the share
    of several votes.
    """

    judge: Ints
    pair: Ints
    prompt: Ints
    cluster: Ints
    category: Ints
    first: Ints
    second: Ints
    side: Ints
    verdict: Ints
    gold: Ints
    p_first: Floats
    n_votes: Floats
    first_length: Floats
    second_length: Floats
    first_model: Ints
    second_model: Ints

    def __len__(self) -> int:
        return len(self.judge)

    def where(self, rows: Bools) -> Verdicts:
        """Return the verdicts where `rows`, of shape `(n,)`, holds."""
        return Verdicts(*(getattr(self, field.name)[rows] for field in fields(self)))

    @property
    def preference(self) -> Floats:
        """Return how much the first shown is preferred, 0 to 1: `p_first`, else the verdict.

        A tie is 0.5; an invalid verdict without `p_first` is NaN: neither a tie nor a loss.
        """
        by_verdict = np.where(self.verdict == NONE, np.nan, (self.verdict + 1) / 2)
        return np.where(np.isnan(self.p_first), by_verdict, self.p_first)


@dataclass(frozen=True, slots=True)
class Names:
    """The names that the numbers in `Verdicts` stand for, each tuple sorted."""

    judges: tuple[str, ...]
    categories: tuple[str, ...]
    models: tuple[str, ...]


def read_verdicts(table: pa.Table, name: str) -> tuple[Verdicts, Names]:
    """Return the arrays of a checked table, and the names that their numbers stand for.

    Raises `InputError` where one `pair_id` names two different pairs of responses.
    """
    judge, judges = _numbered(table, "judge")
    category, categories = _numbered(table, "category")
    (first, second), _ = _numbered_together(table, "first_id", "second_id")
    models, model_names = _numbered_together(table, "first_model", "second_model")
    pair, _ = _numbered(table, "pair_id")
    prompt, prompts = _numbered(table, "prompt_id")
    _check_pairs(table, name, pair, first, second)
    p_first = _floats(table, "p_first")
    arrays = Verdicts(
        judge=judge,
        pair=pair,
        prompt=prompt,
        cluster=np.where(prompt >= 0, prompt, len(prompts) + pair),
        category=category,
        first=first,
        second=second,
        side=np.where(first < second, 1, -1),
        verdict=_verdicts(table, p_first),
        gold=_mapped(table, "gold", GOLD),
        p_first=p_first,
        n_votes=sum(
            (np.nan_to_num(_floats(table, name)) for name in VOTES), np.zeros(len(p_first))
        ),
        first_length=_floats(table, "first_length"),
        second_length=_floats(table, "second_length"),
        first_model=models[0],
        second_model=models[1],
    )
    return arrays, Names(judges, categories, model_names)


def _numbered(table: pa.Table, field: str) -> tuple[Ints, tuple[str, ...]]:
    if field not in table.column_names:
        return np.full(table.num_rows, -1), ()
    return _codes(table[field])


def _numbered_together(
    table: pa.Table, one: str, other: str
) -> tuple[tuple[Ints, Ints], tuple[str, ...]]:
    n = table.num_rows
    if one not in table.column_names or other not in table.column_names:
        return (np.full(n, -1), np.full(n, -1)), ()
    codes, names = _codes(pa.chunked_array(table[one].chunks + table[other].chunks, pa.string()))
    return (codes[:n], codes[n:]), names


def _codes(column: pa.ChunkedArray[Any]) -> tuple[Ints, tuple[str, ...]]:
    """Return each text's place in the sorted list of all texts, -1 for null; and that list."""
    encoded = encode_texts(column)
    order = pc.sort_indices(encoded.dictionary).to_numpy(zero_copy_only=False)
    rank = np.empty(len(order) + 1, dtype=np.int64)
    rank[order], rank[-1] = np.arange(len(order)), -1
    indices = encoded.indices.fill_null(len(order)).to_numpy(zero_copy_only=False)
    return rank[indices], tuple(encoded.dictionary.take(pa.array(order)).to_pylist())


def _floats(table: pa.Table, field: str) -> Floats:
    if field not in table.column_names:
        return np.full(table.num_rows, np.nan)
    numbers: Floats = table[field].to_numpy().astype(np.float64)
    return numbers


def _mapped(table: pa.Table, field: str, values: dict[str, int]) -> Ints:
    codes, names = _numbered(table, field)
    lookup = np.array([*(values[name] for name in names), NONE], dtype=np.int64)
    return lookup[codes]


def _verdicts(table: pa.Table, p_first: Floats) -> Ints:
    """Return the verdict of each row; where there is none, the side that `p_first` is on."""
    verdicts, by_p = _mapped(table, "verdict", VERDICTS), np.full(len(p_first), TIE)
    by_p[p_first > 0.5], by_p[p_first < 0.5] = FIRST, SECOND  # noqa: PLR2004 - the middle
    if "verdict" not in table.column_names:
        return by_p
    missing = pc.is_null(table["verdict"]).to_numpy()
    return np.where(missing, by_p, verdicts)


def _check_pairs(table: pa.Table, name: str, pair: Ints, first: Ints, second: Ints) -> None:
    low, high = np.minimum(first, second), np.maximum(first, second)
    _, start = np.unique(pair, return_index=True)
    wrong = (low != low[start][pair]) | (high != high[start][pair])
    if wrong.any():
        row = int(np.argmax(wrong))
        raise InputError(
            f"{name}, row {row + 1}: `pair_id` {table['pair_id'][row].as_py()!r} names other "
            f"responses than in row {int(start[pair[row]]) + 1}",
            "give each pair of responses a `pair_id` of its own",
        )
