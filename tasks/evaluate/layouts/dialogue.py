"""Turns of a conversation, and the pair that two dialogues make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from prefline.ids import content_id
from prefline.tables.messages import ROLES, Message
from tasks.evaluate.labelled import LabelledPair
from tasks.evaluate.layouts.cells import Cells

Turns = tuple[Message, ...]

ANSWERER = "assistant"
_TIE = 0.5


@dataclass(frozen=True, slots=True)
class Unusable:
    """Why a row is no pair: one word, and what exactly was found."""

    reason: str
    detail: str


def turns_of(cells: Cells, name: str, role: str) -> Turns:
    """A cell as turns: text is one turn of `role`, a list has one {role, content} for each.

    Raises `InputError` for anything else.
    """
    given = cells.needed(name)
    if isinstance(given, str):
        return (Message(role=role, content=given),)
    if not isinstance(given, list):
        raise cells.fault(
            name, f"is {type(given).__name__}", "give text, or a list of {role, content}"
        )
    return tuple(_turn(cells, name, turn) for turn in given)


def _turn(cells: Cells, name: str, turn: Any) -> Message:
    if (
        isinstance(turn, Mapping)
        and turn.get("role") in ROLES
        and isinstance(turn.get("content"), str)
    ):
        return Message(role=turn["role"], content=turn["content"])
    raise cells.fault(
        name,
        f"holds {str(turn)[:80]!r}",
        f"each message is {{role, content}} with a role of {', '.join(ROLES)} and text content",
    )


def prompt_of(cells: Cells) -> Turns:
    """The conversation that both answers end, from `messages` or `prompt`; empty where the table
    leaves it to whole dialogues."""
    for name in ("messages", "prompt"):
        if cells.get(name) is not None:
            return turns_of(cells, name, "user")
    return ()


def paired(cells: Cells, prompt: Turns, chosen: Turns, rejected: Turns) -> LabelledPair | Unusable:
    """The pair of two answers, each one turn after `prompt` or the last of a whole dialogue, which
    then says itself what came before.

    Raises `InputError` where neither does.
    """
    p_chosen = cells.p_chosen
    unusable = _unusable(chosen, rejected, p_chosen)
    if unusable is not None:
        return unusable
    messages = chosen[:-1] or prompt
    if not messages:
        raise cells.fault("prompt", "is missing", "map the column of the prompt to it in `columns`")
    return LabelledPair(
        prompt_id=content_id("prompt", messages),
        messages=messages,
        chosen=chosen[-1]["content"],
        rejected=rejected[-1]["content"],
        category=cells.category,
        p_chosen=p_chosen,
    )


def _unusable(chosen: Turns, rejected: Turns, p_chosen: float) -> Unusable | None:
    for side, turns in (("chosen", chosen), ("rejected", rejected)):
        if not turns or turns[-1]["role"] != ANSWERER:
            return Unusable("no_answer", f"{side} does not end with a turn of the {ANSWERER}")
        if not turns[-1]["content"].strip():
            return Unusable("empty", f"the answer of {side} has no text")
    if chosen[:-1] != rejected[:-1]:
        return Unusable("diverging_dialogue", "the two differ before their last turn")
    if chosen[-1]["content"].strip() == rejected[-1]["content"].strip():
        return Unusable("same_text", "both answers are the same")
    return Unusable("tie", "neither is better") if p_chosen == _TIE else None
