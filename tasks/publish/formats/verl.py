"""The format `verl`: prompts with their check as the reward, for verl, TRL's GRPO and their kin.

Columns as verl documents them (docs/preparation/prepare_data.rst): `data_source`, `prompt`,
`ability`, `reward_model` and `extra_info`. The `ground_truth` is the prompt's check as JSON, which
`prefline.verifiers.reward` runs on what the policy writes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tasks.publish.formats.base import (
    PLACE,
    PROMPT,
    OncePerPrompt,
    PublishFormat,
    column,
    text_column,
)
from tasks.publish.sorting import Order

_REWARD = pa.struct([pa.field("style", pa.string()), pa.field("ground_truth", pa.string())])
_EXTRA = pa.struct(
    [
        pa.field("index", pa.int64()),
        pa.field("split", pa.string()),
        pa.field("reference", pa.string()),
    ]
)
_SCHEMA = pa.schema(
    [
        text_column("data_source", "source of the prompt, by which verl groups its figures"),
        PROMPT,
        text_column("ability", "category of the prompt"),
        column("reward_model", _REWARD, "style `rule`, and the prompt's check as JSON"),
        column("extra_info", _EXTRA, "number, split, and a right answer if one is known"),
        text_column("prompt_id", "the prompt"),
        text_column("pair_id", "first of the pairs that it is in, by order of the files"),
        *PLACE,
    ]
)


def _arrange(checked: pa.Table, before: int) -> pa.Table:
    """Return the prompts, numbered from `before` on, in verl's columns."""
    number = np.arange(before, before + checked.num_rows)
    rule: Any = pa.array(["rule"] * checked.num_rows, pa.string())
    columns = {name: checked[name] for name in checked.column_names} | {
        "data_source": checked["source"],
        "ability": checked["category"],
        "reward_model": _struct(_REWARD, rule, checked["verifier"]),
        "extra_info": _struct(
            _EXTRA, pa.array(number, pa.int64()), checked["split"], checked["reference"]
        ),
    }
    return pa.table({name: columns[name] for name in _SCHEMA.names})


def _struct(kind: Any, *columns: Any) -> Any:
    arrays = [
        values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
        for values in columns
    ]
    return pa.StructArray.from_arrays(arrays, fields=list(kind))


def _project(order: Order, _scratch: Path) -> OncePerPrompt:
    return OncePerPrompt(order, "verifier", "no_check", _arrange)


VERL = PublishFormat(
    name="verl",
    description="prompts with their check as the reward: verl, and GRPO of other trainers",
    schema=_SCHEMA,
    project=_project,
    order_columns=("prompt_id",),
    prompt_columns=("verifier", "reference"),
    takes_thinking=False,
    hub_tags=("grpo",),
    left_out={
        "no_check": "prompts without a programmatic check",
        "tools": "prompts that offer tools",
    },
)
