"""The format `rubrics`: prompts with the criteria that judges went by, as rewards for RL or for a
grader (Rubrics as Rewards, arXiv 2507.17746)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from prefline.tables.encoding import encode_texts
from prefline.tables.schemas import RUBRICS
from tasks.publish.formats.base import (
    PLACE,
    PROMPT,
    PublishFormat,
    column,
    text_column,
    without_tools,
)
from tasks.publish.sorting import Order

_CRITERIA = RUBRICS.field("criteria")
_SCHEMA = pa.schema(
    [
        PROMPT,
        column("rubric", _CRITERIA.type, "statements that are true of a good answer, with weights"),
        pa.field(
            "reference", pa.string(), metadata={"meaning": "a right answer, null if none is known"}
        ),
        text_column("prompt_id", "the prompt"),
        text_column("pair_id", "first of the pairs that it is in, by order of the files"),
        *PLACE,
    ]
)


class PromptsWithRubrics:
    """A `Projection` to the prompts that have a rubric, each at the place of its first pair."""

    def __init__(self, order: Order) -> None:
        self.left_out = {"no_rubric": 0}
        prompts = encode_texts(order.rows["prompt_id"]).indices
        _, first = np.unique(np.asarray(prompts), return_index=True)
        self._first = np.zeros(order.count, np.bool_)
        self._first[first] = True

    def of(self, preferences: pa.Table, start: int) -> pa.Table:
        """Return the prompts whose first pair is among these."""
        here = pa.array(self._first[start : start + preferences.num_rows])
        rows, n_with_tools = without_tools(preferences.filter(here))
        if n_with_tools:
            self.left_out["tools"] = self.left_out.get("tools", 0) + n_with_tools
        kept = rows.filter(pc.is_valid(rows["rubric"]))
        self.left_out["no_rubric"] += rows.num_rows - kept.num_rows
        return kept.select(_SCHEMA.names)

    def rest(self) -> Iterator[pa.Table]:
        """Yield nothing."""
        return iter(())


def _project(order: Order, _scratch: Path) -> PromptsWithRubrics:
    return PromptsWithRubrics(order)


RUBRIC_FORMAT = PublishFormat(
    name="rubrics",
    description="prompts with the criteria that judges of the method checklist went by",
    schema=_SCHEMA,
    project=_project,
    order_columns=("prompt_id",),
    prompt_columns=("rubric", "reference"),
    takes_thinking=False,
    left_out={
        "no_rubric": "prompts that no judge of the method checklist was asked about",
        "tools": "prompts that offer tools",
    },
)
