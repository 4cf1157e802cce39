"""The declaration of a publish format, and the columns that several formats share.

Columns that a trainer reads are named and shaped as TRL documents its dataset formats
(https://huggingface.co/docs/trl/dataset_formats); the others lead back to the rows and calls that a
row was made of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from prefline.config import PUBLISH_FORMATS
from prefline.tables.encoding import encode_texts
from prefline.tables.schemas import MESSAGES
from tasks.publish.sorting import Order


class Projection(Protocol):
    """Makes the rows of one format from preferences in their published order."""

    @property
    def left_out(self) -> Mapping[str, int]:
        """The rows of preferences that the format does not hold: counts by reason."""
        ...

    def of(self, preferences: pa.Table, start: int) -> pa.Table | None:
        """Return the rows that these preferences give, of which the first is at the place `start`;
        None for a format that gives all of its rows at the end."""
        ...

    def rest(self) -> Iterator[pa.Table]:
        """Yield the rows that are known only once all preferences have been seen."""
        ...


@dataclass(frozen=True, slots=True)
class PublishFormat:
    """The declaration of a publish format: all that config, writer, card and docs know of it.

    `project` begins a `Projection`, given the order of all rows and a folder to work in.
    `order_columns` are the columns of `preferences` that it wants in that order beside the keys.
    `prompt_columns` are columns of `prompts` that it wants beside those of `preferences`, each pair
    with those of its prompt; `rubric` is its criteria in the table `rubrics`. `takes_thinking` is
    whether its answers may have the field `thinking`. `hub_tags` are tags of the card on the
    Hugging Face Hub, and `left_out` says in words what the reasons of `Projection.left_out` mean.
    """

    name: str
    description: str
    schema: pa.Schema
    project: Callable[[Order, Path], Projection]
    order_columns: tuple[str, ...] = ()
    prompt_columns: tuple[str, ...] = ()
    takes_thinking: bool = True
    hub_tags: tuple[str, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)


class OncePerPrompt:
    """A `Projection` to the prompts with a value in a column, each at the place of its first pair.

    Prompts without one are counted as `reason`. `arrange` makes the format's rows of the others,
    given how many there were before.
    """

    def __init__(
        self, order: Order, wanted: str, reason: str, arrange: Callable[[pa.Table, int], pa.Table]
    ) -> None:
        self.left_out = {reason: 0}
        self._wanted, self._reason, self._arrange = wanted, reason, arrange
        prompts = encode_texts(order.rows["prompt_id"]).indices
        _, first = np.unique(np.asarray(prompts), return_index=True)
        self._first = np.zeros(order.count, np.bool_)
        self._first[first] = True
        self._rows = 0

    def of(self, preferences: pa.Table, start: int) -> pa.Table:
        """Return the prompts whose first pair is among these."""
        here = pa.array(self._first[start : start + preferences.num_rows])
        rows, n_with_tools = without_tools(preferences.filter(here))
        if n_with_tools:
            self.left_out["tools"] = self.left_out.get("tools", 0) + n_with_tools
        kept = rows.filter(pc.is_valid(rows[self._wanted]))
        self.left_out[self._reason] += rows.num_rows - kept.num_rows
        before, self._rows = self._rows, self._rows + kept.num_rows
        return self._arrange(kept, before)

    def rest(self) -> Iterator[pa.Table]:
        """Yield nothing."""
        return iter(())


def publish_formats(names: Sequence[str]) -> list[PublishFormat]:
    """Return the declarations of these formats. Raises `ParamsError` if one cannot be loaded."""
    return [PUBLISH_FORMATS.get(name) for name in names]


def order_columns(names: Sequence[str]) -> list[str]:
    """Return the columns of `preferences` that these formats want before texts are read."""
    return [column for declared in publish_formats(names) for column in declared.order_columns]


def prompt_columns(names: Sequence[str]) -> list[str]:
    """Return the columns of `prompts` that these formats want."""
    wanted = [column for declared in publish_formats(names) for column in declared.prompt_columns]
    return list(dict.fromkeys(wanted))


def tools_of(preferences: pa.Table) -> list[str]:
    """Return the column of tools, if these preferences have one, beside those of the format."""
    return [name for name in (TOOLS,) if name in preferences.column_names]


def without_tools(rows: pa.Table) -> tuple[pa.Table, int]:
    """Return the rows that use no tools, and how many do."""
    if USES_TOOLS not in rows.column_names:
        return rows, 0
    plain = rows.filter(pc.invert(rows[USES_TOOLS]))
    return plain, rows.num_rows - plain.num_rows


def column(name: str, kind: pa.DataType, meaning: str, unit: str = "") -> pa.Field[Any]:
    """Return a column that is never null, with its meaning and unit in its metadata."""
    metadata = {"meaning": meaning} | ({"unit": unit} if unit else {})
    return pa.field(name, kind, nullable=False, metadata=metadata)


def text_column(name: str, meaning: str) -> pa.Field[Any]:
    """Return a column of text that is never null."""
    return column(name, pa.string(), meaning)


PROMPT = column("prompt", MESSAGES, "the conversation, in TRL's format")
PLACE = (
    text_column("split", "train or test; all rows of one prompt are in one"),
    text_column("category", "category of the prompt"),
    text_column("source", "source of the prompt"),
)
TOOLS, USES_TOOLS = "tools", "uses_tools"
"""Columns of preferences with tools: as JSON; or, for formats without a place for them, whether
there are some."""
RESPONSE_COLUMNS = ("prompt_id", "chosen_id", "rejected_id", "p_chosen")
"""The columns of `preferences` that a format of single responses is decided from."""
