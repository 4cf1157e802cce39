"""Reasoning beside the published answers, in TRL's form: a message's field `thinking`.

Chat templates of reasoning models take `{"role": "assistant", "thinking": ..., "content": ...}` and
put what the model thought where their tokenizer wants it
(https://huggingface.co/docs/trl/dataset_formats). Without `publish.reasoning: keep` a version holds
the answers alone, as they were judged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from prefline.tables import read_table
from prefline.tables.schemas import MESSAGE, MESSAGES, TURNS, has_turns
from tasks.publish.formats import PublishFormat, publish_formats
from tasks.publish.turns import with_tools

_SIDES = ("chosen", "rejected")
_ANSWERS = (*_SIDES, "completion")
_THINKING = pa.list_(pa.struct([*MESSAGE, pa.field("thinking", pa.string())]))


def declared_formats(
    names: Sequence[str], reasoning: str, *, has_tools: bool = False
) -> list[PublishFormat]:
    """Return the declarations of formats as versions have them, with reasoning `keep` or `drop`."""
    declared = publish_formats(names)
    if has_tools:
        return [with_tools(one) for one in declared]
    return [with_thinking(one) for one in declared] if reasoning == "keep" else declared


def with_thinking(declared: PublishFormat) -> PublishFormat:
    """Return a format whose answers have the field `thinking`, null where nothing is known; one
    whose trainer has no place for it stays as it is."""
    if not declared.takes_thinking:
        return declared
    return replace(
        declared,
        schema=pa.schema([_widened(field) for field in declared.schema]),
        description=f"{declared.description}; what models thought is in the field thinking of "
        "messages",
    )


def without_thinking(kind: str) -> str:
    """Return the name of a type without the field `thinking`."""
    return kind.replace(", thinking: string", "")


def _widened(field: pa.Field[Any]) -> pa.Field[Any]:
    kind: Any = field.type
    if field.name in _ANSWERS and kind == MESSAGES:
        return field.with_type(_THINKING)
    if pa.types.is_list(kind) and pa.types.is_struct(kind.value_type):
        inner = [_widened(one) for one in kind.value_type]
        return field.with_type(pa.list_(pa.struct(inner)))
    return field


class Reasoning:
    """The reasoning of models before the published answers, by response id; held in memory."""

    def __init__(self, table: pa.Table) -> None:
        self._ids = table["response_id"].combine_chunks()
        self._texts = table["reasoning"].combine_chunks()

    @classmethod
    def read(cls, responses: Path, published: Sequence[Any]) -> Reasoning:
        """Read that of the responses whose ids are in the columns `published`.

        Raises `TableError` if the table cannot be read.
        """
        table = read_table(responses, columns=["response_id", "reasoning"])
        table = table.filter(pc.is_valid(table["reasoning"]))
        ids = pa.chunked_array([chunk for column in published for chunk in column.chunks])
        return cls(table.filter(pc.is_in(table["response_id"], value_set=ids.combine_chunks())))

    def add_to(self, preferences: pa.Table) -> pa.Table:
        """Return preferences whose chosen and rejected messages say what was thought before."""
        for side in _SIDES:
            messages: Any = preferences[side].combine_chunks()
            at = pc.index_in(preferences[f"{side}_id"].combine_chunks(), value_set=self._ids)
            thought = self._texts.take(at)
            kind = TURNS if has_turns(preferences.schema) else _THINKING
            # An answer is one message; should there be more, the last is the answer.
            lengths = pc.list_value_length(messages).to_numpy()
            ends = np.cumsum(lengths)
            values = messages.flatten()
            place = np.full(len(values), -1, dtype=np.int64)
            place[ends - 1] = np.arange(len(messages))
            places: Any = pa.array(place, mask=place < 0)
            of_message = thought.take(places)
            fields = dict(zip((one.name for one in values.type), values.flatten(), strict=True))
            if kind == TURNS:
                # What a turn of a trajectory was thought before stands with it.
                fields["reasoning"] = pc.coalesce(fields["reasoning"], of_message)
            else:
                fields["thinking"] = of_message
            struct = pa.StructArray.from_arrays([*fields.values()], fields=list(kind.value_type))
            offsets: Any = pa.array(np.concatenate([[0], ends]), pa.int32())
            column = preferences.column_names.index(side)
            field = preferences.schema.field(side).with_type(kind)
            lists = pa.ListArray.from_arrays(offsets, struct, type=kind)
            preferences = preferences.set_column(column, field, lists)
        return preferences
