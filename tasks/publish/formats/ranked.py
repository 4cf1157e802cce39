"""The format `ranked`: one row for each prompt, its responses from best to worst."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
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
    tools_of,
)
from tasks.publish.formats.unpaired import Numbers, Responses, responses_of
from tasks.publish.sorting import Order, Sorter

_PLACE = ("prompt_id", "prompt", "split", "category", "source")
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


class ByPrompt:
    """Gathers responses prompt by prompt, each from its first pair, and gives them at the end.

    `place` has one entry for each response: its place among those of its prompt, -1 to leave it
    out. `Responses` says how they are numbered.
    """

    def __init__(self, order: Order, scratch: Path, responses: Responses, place: Numbers) -> None:
        prompt_of_pair, count = number_prompts(order)
        kept = np.flatnonzero(place >= 0)
        unit = int(place.max(initial=0)) + 1
        first = responses.first[kept]
        self._unit = unit
        self._rank, self._number = np.full((2, responses.sides.size), -1, np.int64)
        self._rank[first] = prompt_of_pair[first // 2] * unit + place[kept]
        self._number[first] = kept
        self._sorter = Sorter(count * unit, scratch, unit=unit)
        self._pairs = _by_prompt(order.rows["pair_id"], prompt_of_pair)

    def add(self, preferences: pa.Table, start: int) -> None:
        """Keep the responses whose first pair is among these, of which the first is at the place
        `start` of the order."""
        for number, side in enumerate(("chosen", "rejected")):
            here = slice(2 * start + number, 2 * (start + preferences.num_rows), 2)
            ranks = self._rank[here]
            new = np.flatnonzero(ranks >= 0)
            if not len(new):
                continue
            rows = preferences.take(new)
            self._sorter.add(
                pa.table(
                    {name: rows[name] for name in (*_PLACE, *tools_of(rows))}
                    | {
                        "response_id": rows[f"{side}_id"],
                        "model": rows[f"{side}_model"],
                        "completion": rows[side],
                        "response": pa.array(self._number[here][new]),
                        "number": pa.array(ranks[new] // self._unit),
                    }
                ),
                ranks[new],
            )

    def groups(self) -> Iterator[Group]:
        """Yield all responses by prompt, in the order of the prompts' first pairs."""
        for rows in self._sorter:
            numbers = np.asarray(rows["number"].combine_chunks())
            heads = np.concatenate([[True], numbers[1:] != numbers[:-1]])
            starts = np.append(np.flatnonzero(heads), len(numbers))
            first = rows.take(starts[:-1])
            columns = {name: first[name] for name in (*_PLACE, *tools_of(first))} | {
                "pair_ids": self._pairs.take(numbers[starts[:-1]])
            }
            yield Group(rows, starts, pa.table(columns), numbers[starts[:-1]])


@dataclass(frozen=True, slots=True)
class Group:
    """Responses of whole prompts, in `rows`: those of prompt i from `starts[i]` to `starts[i + 1]`.

    `prompts` has a row for each prompt, with its place and pairs, and `numbers` its number.
    """

    rows: pa.Table
    starts: Numbers
    prompts: pa.Table
    numbers: Numbers


class Ranked:
    """A `Projection` to prompts with their responses, whose scores rest on all of their pairs."""

    left_out: Mapping[str, int] = {}

    def __init__(self, order: Order, scratch: Path) -> None:
        found = responses_of(order)
        prompt_of_pair, prompts = number_prompts(order)
        prompt = prompt_of_pair[found.first // 2]
        # Responses by prompt, then by id: numbered as `group_scores` wants them.
        by_prompt = np.argsort(prompt, kind="stable")
        number = np.empty(len(by_prompt), np.int64)
        number[by_prompt] = np.arange(len(by_prompt))
        sizes = np.bincount(prompt, minlength=prompts)
        p = np.asarray(order.rows["p_chosen"].combine_chunks(), np.float64)
        self._score = group_scores(prompt_of_pair, sizes, number[found.sides], p)[number]
        self._responses = ByPrompt(order, scratch, found, _places(prompt, self._score))

    def of(self, preferences: pa.Table, start: int) -> None:
        """Keep the responses whose first pair is among these."""
        self._responses.add(preferences, start)

    def rest(self) -> Iterator[pa.Table]:
        """Yield all prompts, in the order of their first pairs."""
        for group in self._responses.groups():
            yield self._grouped(group)

    def _grouped(self, group: Group) -> pa.Table:
        """Return responses in their order, as one row for each prompt."""
        number = np.asarray(group.rows["response"].combine_chunks())
        rows = group.rows.append_column("score", pa.array(self._score[number]))
        # Messages may have more than a role and content: `tasks.publish.thinking`.
        fields = [
            field.with_type(rows.schema.field(field.name).type)
            for field in _SCHEMA.field("responses").type.value_type
        ]
        each = pa.StructArray.from_arrays(
            [rows[field.name].combine_chunks() for field in fields], fields=fields
        )
        columns = {name: group.prompts[name] for name in group.prompts.column_names} | {
            "responses": lists_of(group.starts, each)
        }
        more = tools_of(group.prompts)
        return pa.table({name: columns[name] for name in (*_SCHEMA.names, *more)})


def number_prompts(order: Order) -> tuple[Numbers, int]:
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
    return lists_of(starts, pairs.combine_chunks().take(order))


def lists_of(starts: Numbers, values: Any) -> Any:
    """Return lists that begin at these places of `values`, of which the last is where they end."""
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
