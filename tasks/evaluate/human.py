"""Pairs with a label: preferences, and tables that people labelled, in three layouts.

columns      prompt, chosen and rejected in columns of their own, as in RewardBench
transcripts  two whole dialogues as text, as in Anthropic's HH (Bai et al. 2022, arXiv 2204.05862):
             every turn begins with "\\n\\nHuman:" or "\\n\\nAssistant:"
sided        two responses and a label that names the better one, as in JudgeBench

A public set is read by its own layout (`prefline.sources.judged_sets`), named by `layout` too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from prefline.config import HumanPairs
from prefline.errors import InputError
from prefline.ids import content_hash, content_id
from prefline.reward.version import Preferences
from prefline.sources import read_rows, watched_file
from prefline.sources.judged_sets import (
    JudgedRow,
    UnusableRow,
    read_judged_row,
    transcript_turns,
)
from prefline.sources.rows import cell_text
from prefline.tables import Rejection
from prefline.tables.messages import ROLES, Message, text_of

FOLDER = "data/imported/human"
Turns = tuple[Message, ...]

_ASSISTANT = "assistant"
_EVEN = 0.5
_UNCATEGORISED = "uncategorised"
_SIDES = ("a", "b", "tie")


@dataclass(frozen=True, slots=True)
class LabelledPair:
    """Two answers to a conversation, of which `chosen` is better with probability `p_chosen`."""

    prompt_id: str
    messages: Turns
    chosen: str
    rejected: str
    category: str
    p_chosen: float

    @property
    def is_chosen_first(self) -> bool:
        """Return whether the better answer comes first in the order of hashes of the texts.

        That order does not depend on the label.
        """
        return self._hash(self.chosen) < self._hash(self.rejected)

    def _hash(self, answer: str) -> str:
        return content_hash(("first", self.prompt_id, answer))


class Pairs(Protocol):
    """Labelled pairs that can be iterated several times."""

    def __len__(self) -> int:
        """Return their number."""

    def __iter__(self) -> Iterator[LabelledPair]:
        """Yield them, each time in the same order."""


@dataclass(frozen=True, slots=True)
class PreferencePairs:
    """The pairs of some preferences, read anew whenever they are iterated."""

    preferences: Preferences

    def __len__(self) -> int:
        return len(self.preferences)

    def __iter__(self) -> Iterator[LabelledPair]:
        return map(pair_of_preference, self.preferences)


def pair_of_preference(row: Mapping[str, Any]) -> LabelledPair:
    """Return a row of the table of preferences as a labelled pair."""
    return LabelledPair(
        prompt_id=row["prompt_id"],
        messages=tuple(row["prompt"]),
        chosen=text_of(row["chosen"]),
        rejected=text_of(row["rejected"]),
        category=row["category"],
        p_chosen=row["p_chosen"],
    )


# Tables


@dataclass(frozen=True, slots=True)
class HumanTable:
    """A table of `n_rows` rows: each is among `pairs` or among `rejections`, or one of `n_left`
    that `max_pairs` did not draw."""

    name: str
    pairs: tuple[LabelledPair, ...]
    rejections: tuple[Rejection, ...]
    n_left: int

    @property
    def n_rows(self) -> int:
        """Return the number of rows of the table."""
        return len(self.pairs) + len(self.rejections) + self.n_left


def read_human(table: HumanPairs, root: Path, seed: int = 0) -> HumanTable:
    """Read the labelled pairs of a table, in its order, from the project at `root`.

    Rows that are no pair are rejections with a reason: `same_text`, `diverging_dialogue`, `tie`,
    `empty`, `no_answer` or `no_prompt`. Raises `InputError` that names file, row, field and
    remedy for a row that cannot be read, and for a file outside of data/imported/human.
    """
    path = watched_file(root, table.path, FOLDER, or_set=table.layout not in LAYOUTS)
    pairs, rejections = list[LabelledPair](), list[Rejection]()
    columns_without_value = dict(table.columns)
    for place, row in read_rows(path):
        for ours, theirs in list(columns_without_value.items()):
            if cell_at(row, theirs) is not None:
                del columns_without_value[ours]
        for where, pair in _pairs_of(table, place, row):
            if isinstance(pair, UnusableRow):
                rejections.append(_rejection(table, where, pair))
            else:
                pairs.append(pair)
    if columns_without_value and (pairs or rejections):
        ours, theirs = next(iter(columns_without_value.items()))
        raise InputError(
            f"{path.name}: no row has a value in '{theirs}', which `columns` names for '{ours}'",
            f"correct the columns of {table.name} under evaluate.human",
        )
    drawn = _draw(pairs, table, seed)
    return HumanTable(table.name, drawn, tuple(rejections), len(pairs) - len(drawn))


def _pairs_of(
    table: HumanPairs, place: str, row: Mapping[str, Any]
) -> Iterator[tuple[str, LabelledPair | UnusableRow]]:
    """Yield the pairs of a row, each with its place: one in a layout of `LAYOUTS`, one for each
    verdict in a public set."""
    if table.layout in LAYOUTS:
        yield place, LAYOUTS[table.layout](Cells(table, place, row))
        return
    judged = read_judged_row(table.layout, place, row)
    if isinstance(judged, UnusableRow):
        yield place, judged
        return
    for verdict in judged.verdicts:
        ends = (verdict.first, verdict.second)
        if verdict.side == "second":
            ends = ends[::-1]
        where = f"{place}, answers {verdict.first + 1} and {verdict.second + 1}"
        if verdict.annotator is not None:
            where += f" by {verdict.annotator}"
        chosen, rejected = (judged.answers[end].text for end in ends)
        yield where, _of_verdict(judged, verdict.side, chosen, rejected)


def _of_verdict(
    judged: JudgedRow, side: str, chosen: str, rejected: str
) -> LabelledPair | UnusableRow:
    if side == "tie":
        return UnusableRow("tie", "neither is better")
    better, worse = ((Message(role=_ASSISTANT, content=text),) for text in (chosen, rejected))
    return _unusable(better, worse, 1.0) or LabelledPair(
        prompt_id=content_id("prompt", judged.messages),
        messages=judged.messages,
        chosen=chosen,
        rejected=rejected,
        category=judged.category or _UNCATEGORISED,
        p_chosen=1.0,
    )


def _rejection(table: HumanPairs, place: str, unusable: UnusableRow) -> Rejection:
    identity = content_id("human", table.name, place)
    return Rejection("evaluate", "pair", identity, unusable.reason, f"{place}: {unusable.detail}")


def _draw(pairs: Sequence[LabelledPair], table: HumanPairs, seed: int) -> tuple[LabelledPair, ...]:
    """Draw `max_pairs` of the pairs, in their order: those with the least hashes of their texts."""
    if table.max_pairs is None or len(pairs) <= table.max_pairs:
        return tuple(pairs)

    def draw_key(number: int) -> str:
        pair = pairs[number]
        texts = sorted((pair.chosen, pair.rejected))
        return content_hash(("human", table.name, seed, pair.prompt_id, texts))

    kept = sorted(range(len(pairs)), key=draw_key)[: table.max_pairs]
    return tuple(pairs[number] for number in sorted(kept))


# Cells


@dataclass(frozen=True, slots=True)
class Cells:
    """The cells of a row by our names of columns; `place` locates the row in error messages."""

    table: HumanPairs
    place: str
    row: Mapping[str, Any]

    def theirs(self, name: str) -> str:
        """Return the table's name of our column `name`."""
        return self.table.columns.get(name, name)

    def get(self, name: str) -> Any:
        """Return a cell; None where it is empty or there is no such column."""
        value = cell_at(self.row, self.theirs(name))
        # NaN is how some writers of Parquet say that a cell is empty.
        return None if isinstance(value, float) and math.isnan(value) else value

    def require(self, name: str) -> Any:
        """Return a cell. Raises `InputError` where it is empty."""
        value = self.get(name)
        if value is None:
            raise self.error(name, "is missing", f"map a column to it: columns: {{{name}: theirs}}")
        return value

    def text(self, name: str) -> str | None:
        """Return a cell of text, if there is one. Raises `InputError` for anything else."""
        value = self.get(name)
        if value is None or isinstance(value, str):
            return value
        raise self.error(name, f"is {type(value).__name__}, not text", "write it as text")

    @property
    def category(self) -> str:
        """Return the kind of the pair, as the table names it."""
        return self.text("category") or _UNCATEGORISED

    @property
    def p_chosen(self) -> float:
        """Return the probability that the better answer is better; 1 where the table has none.

        Raises `InputError` unless it is a probability from 0.5 to 1.
        """
        value = self.get("p_chosen")
        try:
            probability = 1.0 if value is None else float(value)
        except (TypeError, ValueError):
            probability = math.nan
        if _EVEN <= probability <= 1 and not isinstance(value, bool):
            return probability
        raise self.error(
            "p_chosen", f"is {value!r}", "give the better answer's probability, from 0.5 to 1"
        )

    def error(self, name: str, problem: str, remedy: str) -> InputError:
        """Return an error about a cell, under the table's name of its column."""
        return InputError(f"{self.place}: field '{self.theirs(name)}' {problem}", remedy)


def cell_at(row: Mapping[str, Any], path: str) -> Any:
    """Return the cell `path` of a row, None where there is nothing.

    Where no column has that name, dots lead into structs, by name, and into lists, by number
    from 0.
    """
    if path in row:
        return row[path]
    value: Any = row
    for step in path.split("."):
        if isinstance(value, Mapping):
            value = value.get(step)
        elif isinstance(value, list) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value


# Layouts


def from_columns(cells: Cells) -> LabelledPair | UnusableRow:
    """Return the pair of a row with prompt, chosen and rejected.

    Answers are text or messages; where these are whole dialogues, the prompt is their beginning.
    Raises `InputError`.
    """
    chosen, rejected = (_turns(cells, name, _ASSISTANT) for name in ("chosen", "rejected"))
    return _pair(cells, _prompt(cells), chosen, rejected)


def from_transcripts(cells: Cells) -> LabelledPair | UnusableRow:
    """Return the pair of two transcripts.

    Raises `InputError` for text that does not begin with a turn.
    """
    chosen, rejected = (_transcript_turns(cells, name) for name in ("chosen", "rejected"))
    if len(chosen) == 1 and chosen[0]["role"] == _ASSISTANT:
        return UnusableRow("no_prompt", "the dialogue begins with its only answer")
    return _pair(cells, (), chosen, rejected)


def from_sides(cells: Cells) -> LabelledPair | UnusableRow:
    """Return the pair of two responses; `labels` of the table's params map its words to sides.

    Raises `InputError` for a word that they do not name.
    """
    a, b = (_turns(cells, name, _ASSISTANT) for name in ("response_a", "response_b"))
    word = word_of(cells.require("label"))
    side = cells.table.labels.get(word, word)
    if side not in _SIDES:
        raise cells.error(
            "label", f"is {word!r}", f"say in `labels` which of {', '.join(_SIDES)} it stands for"
        )
    if side == "tie":
        return UnusableRow("tie", f"its label is {word}")
    chosen, rejected = (a, b) if side == "a" else (b, a)
    return _pair(cells, _prompt(cells), chosen, rejected)


LAYOUTS: Mapping[str, Callable[[Cells], LabelledPair | UnusableRow]] = {
    "columns": from_columns,
    "transcripts": from_transcripts,
    "sided": from_sides,
}


def word_of(value: Any) -> str:
    """Return a cell as `labels` names it.

    True and false are as in JSON; whole numbers have no fraction, though a column with gaps holds
    them as floats.
    """
    if isinstance(value, bool):
        return str(value).lower()
    return cell_text(value)


def _turns(cells: Cells, name: str, role: str) -> Turns:
    """Return a cell as turns: text is one turn of `role`, a list has {role, content} for each.

    Raises `InputError` for anything else.
    """
    value = cells.require(name)
    if isinstance(value, str):
        return (Message(role=role, content=value),)
    if not isinstance(value, list):
        raise cells.error(
            name, f"is {type(value).__name__}", "give text, or a list of {role, content}"
        )
    return tuple(_turn(cells, name, turn) for turn in value)


def _turn(cells: Cells, name: str, turn: Any) -> Message:
    if (
        isinstance(turn, Mapping)
        and turn.get("role") in ROLES
        and isinstance(turn.get("content"), str)
    ):
        return Message(role=turn["role"], content=turn["content"])
    if isinstance(turn, str):
        raise cells.error(
            name,
            f"is a list of texts, such as {turn[:40]!r}",
            "give one text a row: RewardBench 2 has a layout of its own (`reward_bench_2`); any "
            "table with several answers a row has to be unnested first, such as by a query "
            "(`SELECT unnest(chosen) AS chosen, ...`)",
        )
    raise cells.error(
        name,
        f"holds {str(turn)[:80]!r}",
        f"each message is {{role, content}} with a role of {', '.join(ROLES)} and text content",
    )


def _prompt(cells: Cells) -> Turns:
    """Return the turns of `messages` or `prompt`; empty where dialogues are whole."""
    for name in ("messages", "prompt"):
        if cells.get(name) is not None:
            return _turns(cells, name, "user")
    return ()


def _transcript_turns(cells: Cells, name: str) -> Turns:
    cells.require(name)
    text = cells.text(name) or ""
    turns = transcript_turns(text)
    if turns is None:
        raise cells.error(
            name,
            f"begins with {text[:40]!r}, not with a turn",
            'begin each turn with a blank line and "Human:" or "Assistant:", or choose another '
            "layout",
        )
    return turns


def _pair(
    cells: Cells, prompt: Turns, chosen: Turns, rejected: Turns
) -> LabelledPair | UnusableRow:
    """Return the pair of two answers, each one turn after `prompt` or the end of a whole dialogue.

    Raises `InputError` without a prompt in either place.
    """
    p_chosen = cells.p_chosen
    unusable = _unusable(chosen, rejected, p_chosen)
    if unusable is not None:
        return unusable
    messages = chosen[:-1] or prompt
    if not messages:
        raise cells.error("prompt", "is missing", "map the column of the prompt to it in `columns`")
    return LabelledPair(
        prompt_id=content_id("prompt", messages),
        messages=messages,
        chosen=chosen[-1]["content"],
        rejected=rejected[-1]["content"],
        category=cells.category,
        p_chosen=p_chosen,
    )


def _unusable(chosen: Turns, rejected: Turns, p_chosen: float) -> UnusableRow | None:
    for side, turns in (("chosen", chosen), ("rejected", rejected)):
        if not turns or turns[-1]["role"] != _ASSISTANT:
            return UnusableRow("no_answer", f"{side} does not end with a turn of the {_ASSISTANT}")
        if not turns[-1]["content"].strip():
            return UnusableRow("empty", f"the answer of {side} has no text")
    if chosen[:-1] != rejected[:-1]:
        return UnusableRow("diverging_dialogue", "the two differ before their last turn")
    if chosen[-1]["content"].strip() == rejected[-1]["content"].strip():
        return UnusableRow("same_text", "both answers are the same")
    return UnusableRow("tie", "neither is better") if p_chosen == _EVEN else None
