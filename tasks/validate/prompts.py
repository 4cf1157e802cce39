"""The suite of `prompts`."""

from __future__ import annotations

import pyarrow as pa

from prefline.params import ValidateParams
from prefline.tables import PROMPTS
from tasks.validate.messages import conversation_faults
from tasks.validate.rules import Rule, Suite, Tables, all_given, made_by, no, not_empty, once

_REMEDY = made_by("sample")


def flatten(tables: Tables, _params: ValidateParams) -> pa.Table:
    """The table, and what is wrong with its conversations."""
    prompts = tables["prompts"]
    return prompts.append_column("messages_fault", conversation_faults(prompts["messages"]))


def rules(_params: ValidateParams) -> tuple[Rule, ...]:
    """What holds for every prompt."""
    return (
        *all_given(PROMPTS, _REMEDY),
        once("prompt_id", _REMEDY),
        no("messages_fault", "messages have known roles and text", _REMEDY),
        not_empty("source", _REMEDY),
        not_empty("category", _REMEDY),
    )


SUITE = Suite("prompts", "prompt_id", flatten, rules)
