"""The format `ranked`: one row for each prompt, its responses from best to worst."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from prefline.stats.bradley_terry import group_scores
from prefline.tables.encoding import encode_texts
from prefline.tables.schemas import MESSAGES
from tasks.publish.formats.base import (
    PLACE,
    PROMPT,
    RESPONSE_COLUMNS,
    PublishFormat,
    column,
    text_column,
)
from tasks.publish.formats.unpaired import Numbers, responses_of
from tasks.publish.sorting import Order, Sorter

_PLACE = ("prompt_id", "prompt", "split", "category", "source")
_PARTS = ("response_id", "model", "completion")
_SCORED_RESPONSE = pa.struct(
    [
        pa.field("response_id", pa.string()),
        pa.field("model", pa.string()),
        pa.field("completion", MESSAGES),
        pa.field("score", pa.float64()),
    ]
)
_SCHEMA = pa.schema(
    [
        text_column("prompt_id", "the prompt that all responses answer"),
        PROMPT,
        column(
            "responses",
            pa.list_(_SCORED_RESPONSE),
            "the responses, best first: id, model, text as a message, and score in log-odds of "
            "Bradley and Terry's model over the prompt's pairs, whose mean is 0",
        ),
        column("pair_ids", pa.list_(pa.string()), "the pairs behind the scores"),
        *PLACE,
    ]
)


class Ranked:
    """A `Projection` that gathers the texts of each prompt's responses, and gives all at the end.

    A response is taken from its first pair; its score rests on all pairs of its prompt.
    """

    left_out: Mapping[str, int] = {}

    def __init__(self, order: Order, scratch: Path) -> None:
        found = responses_of(order)
        prompt_of_pair, self._prompts = _number_prompts(order)
        prompt = prompt_of_pair[found.first // 2]
        # Responses by prompt, then by id: numbered as `group_scores` wants them.
        by_prompt = np.argsort(prompt, kind="stable")
        number = np.empty(len(by_prompt), np.int64)
        number[by_prompt] = np.arange(len(by_prompt))
        sizes = np.bincount(prompt, minlength=self._prompts)
        p = np.asarray(order.rows["p_chosen"].combine_chunks(), np.float64)
        score = group_scores(prompt_of_pair, sizes, number[found.sides], p)[number]
        self._unit = int(sizes.max(initial=1))
        self._rank, self._score = np.full((2, found.sides.size), -1, np.int64), score
        self._rank[0, found.first] = _places(prompt, score) + prompt * self._unit
        self._rank[1, found.first] = np.arange(len(score))
        self._sorter = Sorter(self._prompts * self._unit, scratch, unit=self._unit)
        self._pairs = _by_prompt(order.rows["pair_id"], prompt_of_pair)

    def of(self, preferences: pa.Table, start: int) -> None:
        """Keep the responses whose first pair is among these."""
        for number, side in enumerate(("chosen", "rejected")):
            here = slice(2 * start + number, 2 * (start + preferences.num_rows), 2)
            ranks, responses = self._rank[:, here]
            new = np.flatnonzero(ranks >= 0)
            rows = preferences.take(new)
            self._sorter.add(
                pa.table(
                    {name: rows[name] for name in _PLACE}
                    | {
                        "response_id": rows[f"{side}_id"],
                        "model": rows[f"{side}_model"],
                        "completion": rows[side],
                        "score": pa.array(self._score[responses[new]]),
                        "number": pa.array(ranks[new] // self._unit),
                    }
                ),
                ranks[new],
            )

    def rest(self) -> Iterator[pa.Table]:
        """Yield all prompts, in the order of their first pairs."""
        for rows in self._sorter:
            yield self._grouped(rows)

    def _grouped(self, rows: pa.Table) -> pa.Table:
        """Return responses in their order, as one row for each prompt."""
        numbers = np.asarray(rows["number"].combine_chunks())
        heads = np.concatenate([[True], numbers[1:] != numbers[:-1]])
        starts = np.append(np.flatnonzero(heads), len(numbers))
        # Messages may have more than a role and content: `tasks.publish.thinking`.
        fields = [
            field.with_type(rows.schema.field(field.name).type)
            for field in _SCHEMA.field("responses").type.value_type
        ]
        each = pa.StructArray.from_arrays(
            [rows[field.name].combine_chunks() for field in fields], fields=fields
        )
        first = rows.take(starts[:-1])
        columns = {name: first[name] for name in _PLACE} | {
            "responses": _lists(starts, each),
            "pair_ids": self._pairs.take(numbers[starts[:-1]]),
        }
        return pa.table({name: columns[name] for name in _SCHEMA.names})


def _number_prompts(order: Order) -> tuple[Numbers, int]:
    """Return the number of each pair's prompt, and how many there are. They rise with the prompts'
    first pairs, so by split, source and category."""
    encoded = encode_texts(order.rows["prompt_id"])
    return np.asarray(encoded.indices).astype(np.int64), len(encoded.dictionary)


def _places(prompt: Numbers, score: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Numbers:
    """Return the place of each response within its prompt, best first; equals by their ids."""
    order = np.lexsort((np.arange(len(score)), -score, prompt))
    starts = np.searchsorted(prompt[order], prompt[order])
    places = np.empty(len(score), np.int64)
    places[order] = np.arange(len(score)) - starts
    return places


def _by_prompt(pairs: Any, prompt: Numbers) -> Any:
    """Return the ids of each prompt's pairs, prompts by number."""
    order = np.argsort(prompt, kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(prompt))])
    return _lists(starts, pairs.combine_chunks().take(order))


def _lists(starts: Numbers, values: Any) -> Any:
    """Lists that begin at these places of `values`; the last number is where the last ends."""
    offsets: Any = pa.array(starts, pa.int32())
    return pa.ListArray.from_arrays(offsets, values)


RANKED = PublishFormat(
    name="ranked",
    description="for each prompt its answers, best first, with scores",
    schema=_SCHEMA,
    project=lambda order, scratch: Ranked(order, scratch / "ranked"),
    order_columns=RESPONSE_COLUMNS,
    hub_tags=("ranking",),
)
