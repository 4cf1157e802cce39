"""Pairs as trainers other than TRL document them: one `Layout` in `LAYOUTS` for each.

nemo_rl        NeMo RL, docs/guides/dpo.md: `context`, and `completions` with their `rank`
openrlhf       OpenRLHF, openrlhf/datasets/reward_dataset.py: whole conversations, and `margin`
ms_swift       ms-swift, Customization/Custom-dataset.md: `messages` and `rejected_response`
llama_factory  LLaMA-Factory, data/README.md (ShareGPT, ranking): `from` and `value`
axolotl        Axolotl, prompt_strategies/dpo/chat_template.py: `messages`, one message a side

The rows are those of `preference` in other columns. What a trainer cannot take, which some of them
skip with a warning and others cut at a wrong place, is left out and counted. docs/formats.md has
each trainer's settings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from prefline.tables.schemas import MESSAGE, MESSAGES, PREFERENCES
from tasks.publish.formats.base import PLACE, USES_TOOLS, PublishFormat, column, text_column

Flags = npt.NDArray[np.bool_]
Values = Any
"""An Arrow array or chunked array, one value for each pair."""

_ROLE, _CONTENT = "role", "content"
_SHAREGPT = {"system": "system", "user": "human", "assistant": "gpt"}
_TURN = pa.struct([pa.field("from", pa.string()), pa.field("value", pa.string())])
_COMPLETION = pa.struct([pa.field("rank", pa.int64()), pa.field("completion", MESSAGES)])
_LEFT_OUT = {
    "tools": "pairs with tools: offered, called, or of which the prompt has what they told",
    "several_turns": "pairs of which an answer is more than one message",
    "not_alternating": "pairs whose prompt is not turns of user and assistant by turns",
}


# What a column is made of, from tables of preferences.


def _column(name: str) -> Callable[[pa.Table], Values]:
    return lambda rows: rows[name]


def _text(side: str) -> Callable[[pa.Table], Values]:
    """Return the text of the only message of a side."""
    return lambda rows: _flat(rows[side]).field(_CONTENT)


def _message(side: str) -> Callable[[pa.Table], Values]:
    """Return the only message of a side."""
    return lambda rows: _plain(_flat(rows[side]))


def _conversation(side: str) -> Callable[[pa.Table], Values]:
    """Return the prompt with the messages of a side after it."""
    return lambda rows: _concatenated(rows["prompt"], rows[side])


def _completions(rows: pa.Table) -> Values:
    """Return chosen as rank 0 and rejected as rank 1."""
    sides = [
        _lists(_offsets(rows[side]), _plain(_flat(rows[side]))) for side in ("chosen", "rejected")
    ]
    order = np.arange(2 * rows.num_rows).reshape(2, -1).T.ravel()
    messages = pa.concat_arrays(sides).take(pa.array(order))
    ranks = pa.array(np.tile([0, 1], rows.num_rows), pa.int64())
    both = pa.StructArray.from_arrays([ranks, messages], fields=list(_COMPLETION))
    return _lists(np.arange(0, 2 * rows.num_rows + 1, 2), both)


def _sharegpt(side: str) -> Callable[[pa.Table], Values]:
    """Return the only message of a side as `from` and `value`."""
    return lambda rows: _renamed(_flat(rows[side]))


def _sharegpt_prompt(rows: pa.Table) -> Values:
    return _lists(_offsets(rows["prompt"]), _renamed(_flat(rows["prompt"])))


# Which pairs a trainer does not take, by reason.

Refuses = Callable[[pa.Table], Mapping[str, Flags]]


def _unfit(rows: pa.Table) -> Mapping[str, Flags]:
    """Find answers of more than one message, and prompts with calls of tools: no layout has a
    place for either."""
    single = [_lengths(rows[side]) == 1 for side in ("chosen", "rejected")]
    several = ~(single[0] & single[1])
    messages = _flat(rows["prompt"])
    of_tool = np.asarray(pc.equal(messages.field(_ROLE), pa.scalar("tool")), np.bool_)
    if messages.type.get_field_index("tool_calls") >= 0:
        of_tool |= np.asarray(pc.is_valid(messages.field("tool_calls")), np.bool_)
    pair = np.repeat(np.arange(rows.num_rows), _lengths(rows["prompt"]))
    with_tools = np.bincount(pair, of_tool, rows.num_rows) > 0
    with_tools &= ~several
    if USES_TOOLS in rows.column_names:
        with_tools |= np.asarray(rows[USES_TOOLS], np.bool_)
    return {"several_turns": several & ~with_tools, "tools": with_tools}


def _alternating(rows: pa.Table) -> Mapping[str, Flags]:
    """Find what LLaMA-Factory would skip: after a system prompt, its turns must be of user and
    assistant in turn, and the last one of the user."""
    roles: Any = _flat(rows["prompt"]).field(_ROLE)
    offsets = _offsets(rows["prompt"])
    starts, lengths = offsets[:-1], np.diff(offsets)
    has_system = np.zeros(len(starts), np.bool_)
    full = lengths > 0
    is_system = np.asarray(pc.equal(roles, pa.scalar("system")), np.bool_)
    has_system[full] = is_system[starts[full]]
    place = np.arange(len(roles)) - np.repeat(starts + has_system, lengths)
    expected = np.where(place % 2 == 0, "user", "assistant")
    right = np.asarray(pc.equal(roles, pa.array(expected, pa.string())), np.bool_) | (place < 0)
    wrong = np.bincount(np.repeat(np.arange(len(starts)), lengths), ~right, len(starts)) > 0
    even = (lengths - has_system) % 2 == 0
    unfit = _unfit(rows)
    left = ~(unfit["several_turns"] | unfit["tools"])
    return {**unfit, "not_alternating": left & (wrong | even)}


@dataclass(frozen=True, slots=True)
class Layout:
    """Columns by name, each with its type, what it holds and what it is made of; and which pairs
    the trainer does not take. No layout has a place for what models thought."""

    trainer: str
    columns: Mapping[str, tuple[pa.DataType, str, Callable[[pa.Table], Values]]]
    refuses: Refuses = _unfit


LAYOUTS: Mapping[str, Layout] = {
    "nemo_rl": Layout(
        "NeMo RL: a context and ranked completions",
        {
            "context": (MESSAGES, "the prompt's messages", _column("prompt")),
            "completions": (pa.list_(_COMPLETION), "rank 0 is chosen, 1 rejected", _completions),
        },
    ),
    "openrlhf": Layout(
        "OpenRLHF: two whole conversations",
        {
            "chosen": (MESSAGES, "the prompt and the better answer", _conversation("chosen")),
            "rejected": (MESSAGES, "the prompt and the worse answer", _conversation("rejected")),
            "margin": (
                pa.float64(),
                "log-odds of the label, which --reward.margin_loss_enable subtracts",
                _column("log_odds"),
            ),
        },
    ),
    "ms_swift": Layout(
        "ms-swift: messages and a rejected response",
        {
            "messages": (MESSAGES, "the prompt and the better answer", _conversation("chosen")),
            "rejected_response": (pa.string(), "the worse answer", _text("rejected")),
        },
    ),
    "llama_factory": Layout(
        "LLaMA-Factory: ShareGPT conversations, ranking",
        {
            "conversations": (pa.list_(_TURN), "the prompt's turns", _sharegpt_prompt),
            "chosen": (_TURN, "the better answer", _sharegpt("chosen")),
            "rejected": (_TURN, "the worse answer", _sharegpt("rejected")),
        },
        _alternating,
    ),
    "axolotl": Layout(
        "Axolotl: chat_template.default of DPO and its kin",
        {
            "messages": (MESSAGES, "the prompt's messages", _column("prompt")),
            "chosen": (MESSAGE, "the better answer", _message("chosen")),
            "rejected": (MESSAGE, "the worse answer", _message("rejected")),
        },
    ),
}
"""The layouts by the name of their format."""

_TRACE = (
    text_column("pair_id", "hash of the two responses, whatever their order"),
    *(PREFERENCES.field(name) for name in ("prompt_id", "p_chosen", "chosen_id", "rejected_id")),
    *PLACE,
)


class LaidOut:
    """A `Projection` of pairs to the columns of a layout."""

    def __init__(self, layout: Layout, schema: pa.Schema) -> None:
        self.left_out: dict[str, int] = {}
        self._layout, self._schema = layout, schema

    def of(self, preferences: pa.Table, start: int) -> pa.Table:  # noqa: ARG002
        """Return the pairs that the trainer takes, in its columns."""
        rows = self._taken(preferences)
        made = {name: make(rows) for name, (_, _, make) in self._layout.columns.items()}
        traced = {name: rows[name] for name in self._schema.names if name not in made}
        return pa.table(made | traced).select(self._schema.names)

    def rest(self) -> Iterator[pa.Table]:
        """Yield nothing."""
        return iter(())

    def _taken(self, rows: pa.Table) -> pa.Table:
        kept = np.ones(rows.num_rows, np.bool_)
        for reason, flags in self._layout.refuses(rows).items():
            if flags.any():
                self.left_out[reason] = self.left_out.get(reason, 0) + int(flags.sum())
                kept &= ~flags
        return rows.filter(pa.array(kept))


def _format(name: str, layout: Layout) -> PublishFormat:
    columns = [column(key, kind, means) for key, (kind, means, _) in layout.columns.items()]
    schema = pa.schema([*columns, *_TRACE])
    return PublishFormat(
        name=name,
        description=layout.trainer,
        schema=schema,
        project=lambda _order, _scratch: LaidOut(layout, schema),
        takes_thinking=False,
        left_out=_LEFT_OUT,
    )


NEMO_RL, OPENRLHF, MS_SWIFT, LLAMA_FACTORY, AXOLOTL = (
    _format(name, LAYOUTS[name])
    for name in ("nemo_rl", "openrlhf", "ms_swift", "llama_factory", "axolotl")
)


# Lists and structs of Arrow


def _flat(lists: Values) -> Any:
    """Return the messages of all lists, one after another."""
    return lists.combine_chunks().flatten()


def _lengths(lists: Values) -> npt.NDArray[np.int64]:
    lengths: npt.NDArray[np.int64] = pc.list_value_length(lists).to_numpy().astype(np.int64)
    return lengths


def _offsets(lists: Values) -> npt.NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(_lengths(lists))])


def _lists(offsets: npt.NDArray[np.int64], values: Any) -> Any:
    starts: Any = pa.array(offsets, pa.int32())
    return pa.ListArray.from_arrays(starts, values)


def _plain(messages: Any) -> Any:
    """Return messages of a role and a content alone."""
    arrays = [messages.field(field.name) for field in MESSAGE]
    return pa.StructArray.from_arrays(arrays, fields=list(MESSAGE))


def _renamed(messages: Any) -> Any:
    """Return messages as ShareGPT has them."""
    roles = messages.field(_ROLE)
    place = pc.index_in(roles, value_set=pa.array(list(_SHAREGPT)))
    speakers = pa.array(list(_SHAREGPT.values())).take(place)
    return pa.StructArray.from_arrays([speakers, messages.field(_CONTENT)], fields=list(_TURN))


def _concatenated(before: Values, after: Values) -> Any:
    """Return the messages of two columns of lists, row by row one after the other."""
    first, second = _offsets(before), _offsets(after)
    messages = pa.concat_arrays([_plain(_flat(before)), _plain(_flat(after))])
    offsets = first + second
    order = np.empty(len(messages), np.int64)
    for own, base, shift in ((first, 0, second[:-1]), (second, first[-1], first[1:])):
        lengths = np.diff(own)
        places = np.arange(own[-1]) + np.repeat(shift, lengths)
        order[places] = base + np.arange(own[-1])
    return _lists(offsets, messages.take(pa.array(order)))
