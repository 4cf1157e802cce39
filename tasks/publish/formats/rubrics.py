"""The format `rubrics`: prompts with the criteria that judges went by, as rewards for RL or for a
grader (Rubrics as Rewards, arXiv 2507.17746)."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from prefline.tables.schemas import RUBRICS
from tasks.publish.formats.base import (
    PLACE,
    PROMPT,
    OncePerPrompt,
    PublishFormat,
    column,
    text_column,
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


def _project(order: Order, _scratch: Path) -> OncePerPrompt:
    return OncePerPrompt(order, "rubric", "no_rubric", lambda rows, _: rows.select(_SCHEMA.names))


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
