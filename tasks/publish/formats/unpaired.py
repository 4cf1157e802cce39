"""Formats with one row for each response: `kto` and `sft`.

`kto` is what KTO trains on (Ethayarajh et al. 2024, arXiv 2402.01306): an answer and whether it
is desirable. A response that is chosen in one pair and rejected in another is neither, and is
left out. `sft` holds the answers to imitate: those that are chosen in some pair and rejected in
none. Each response is there once, with the first of its pairs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from prefline.tables.schemas import MESSAGES
from tasks.publish.formats.base import (
    PLACE,
    PROMPT,
    RESPONSE_COLUMNS,
    PublishFormat,
    column,
    text_column,
    tools_of,
)
from tasks.publish.sorting import Order

_SIDES = ("chosen", "rejected")
_SHARED = ("prompt", "prompt_id", "pair_id", "split", "category", "source")


Numbers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


class Unpaired:
    """A `Projection` to single responses. `kept` and `n_pairs` have the shape (pairs, 2), for
    chosen and rejected: whether that occurrence of a response gives a row, and in how many
    pairs the response is."""

    def __init__(
        self, schema: pa.Schema, kept: Flags, n_pairs: Numbers, left_out: Mapping[str, int]
    ) -> None:
        self._schema = schema
        self.left_out = left_out
        self._kept, self._n_pairs = kept, n_pairs

    def of(self, preferences: pa.Table, start: int) -> pa.Table:
        """Return the responses whose first pair is among these, chosen before rejected."""
        here = slice(start, start + preferences.num_rows)
        kept, n_pairs = self._kept[here], self._n_pairs[here]
        sides = [
            self._side(preferences, side, np.flatnonzero(kept[:, number]), n_pairs[:, number])
            for number, side in enumerate(_SIDES)
        ]
        # Both sides of a pair beside each other, as the pairs are sorted.
        places = np.concatenate([np.flatnonzero(kept[:, n]) * 2 + n for n in range(len(_SIDES))])
        both = pa.concat_tables(sides).combine_chunks()
        return both.take(np.argsort(places, kind="stable"))

    def rest(self) -> Iterator[pa.Table]:
        """Nothing."""
        return iter(())

    def _side(self, rows: pa.Table, side: str, places: Numbers, n_pairs: Numbers) -> pa.Table:
        rows = rows.take(places)
        more = tools_of(rows)
        columns = {name: rows[name] for name in (*_SHARED, *more)} | {
            "completion": rows[side],
            "label": pa.array(np.full(len(places), side == "chosen")),
            "response_id": rows[f"{side}_id"],
            "model": rows[f"{side}_model"],
            "n_pairs": pa.array(n_pairs[places].astype(np.int32)),
        }
        return pa.table({name: columns[name] for name in (*self._schema.names, *more)})


def _kto(order: Order, _scratch: Path) -> Unpaired:
    responses = responses_of(order)
    left_out = {"chosen_and_rejected": int(np.count_nonzero(responses.both))}
    return _unpaired(KTO.schema, responses, ~responses.both, left_out)


def _sft(order: Order, _scratch: Path) -> Unpaired:
    responses = responses_of(order)
    left_out = {
        "chosen_and_rejected": int(np.count_nonzero(responses.both)),
        "rejected": int(np.count_nonzero(responses.chosen == 0)),
    }
    wanted = (responses.chosen > 0) & (responses.rejected == 0)
    return _unpaired(SFT.schema, responses, wanted, left_out)


def _unpaired(
    schema: pa.Schema, responses: Responses, wanted: Flags, left_out: Mapping[str, int]
) -> Unpaired:
    kept = np.zeros(responses.sides.size, np.bool_)
    kept[responses.first[wanted]] = True
    n_pairs = (responses.chosen + responses.rejected)[responses.sides]
    return Unpaired(schema, kept.reshape(-1, 2), n_pairs, left_out)


@dataclass(frozen=True, slots=True)
class Responses:
    """Every response of the preferences by a number of its own, rising with its id.

    `sides` has the shape (pairs, 2): the numbers of chosen and rejected, pairs in their published
    order. The others have one entry for each response: its id, how often it is chosen and
    rejected, and `first`, the place of its first occurrence in `sides.ravel()`.
    """

    ids: Any
    sides: Numbers
    chosen: Numbers
    rejected: Numbers
    first: Numbers

    @property
    def both(self) -> Flags:
        """Chosen in one pair and rejected in another."""
        return (self.chosen > 0) & (self.rejected > 0)


def responses_of(order: Order) -> Responses:
    """Return the responses of all pairs."""
    ids = pa.concat_arrays(
        [order.rows[name].combine_chunks() for name in ("chosen_id", "rejected_id")]
    ).dictionary_encode()
    by_id = np.array(pc.sort_indices(ids.dictionary))
    number = np.empty(len(by_id), np.int64)
    number[by_id] = np.arange(len(by_id))
    sides = number[np.array(ids.indices)].reshape(2, -1).T
    count = len(by_id)
    _, first = np.unique(sides.ravel(), return_index=True)
    return Responses(
        ids=ids.dictionary.take(by_id),
        sides=sides,
        chosen=np.bincount(sides[:, 0], minlength=count),
        rejected=np.bincount(sides[:, 1], minlength=count),
        first=first,
    )


_COMPLETION = column("completion", MESSAGES, "the answer, as one assistant message")
_RESPONSE = (
    text_column("response_id", "the response"),
    text_column("prompt_id", "the prompt that it answers"),
    text_column("model", "model that wrote the response"),
    text_column("pair_id", "first of the pairs that it is in, by order of the files"),
    column("n_pairs", pa.int32(), "pairs that it is in", unit="pairs"),
)
_LABEL = column("label", pa.bool_(), "true for an answer that is chosen, false for one rejected")
_BOTH = "responses chosen in one pair and rejected in another"

KTO = PublishFormat(
    name="kto",
    description="single answers, each desirable or not: TRL's unpaired preference format",
    schema=pa.schema([PROMPT, _COMPLETION, _LABEL, *_RESPONSE, *PLACE]),
    project=_kto,
    order_columns=RESPONSE_COLUMNS,
    hub_tags=("kto",),
    left_out={"chosen_and_rejected": _BOTH},
)
SFT = PublishFormat(
    name="sft",
    description="single answers to imitate, chosen in a pair and rejected in none: TRL's "
    "prompt-completion format",
    schema=pa.schema([PROMPT, _COMPLETION, *_RESPONSE, *PLACE]),
    project=_sft,
    order_columns=RESPONSE_COLUMNS,
    hub_tags=("sft",),
    left_out={"chosen_and_rejected": _BOTH, "rejected": "responses that no pair chooses"},
)
