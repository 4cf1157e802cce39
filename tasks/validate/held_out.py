"""The suite of `held_out`: prompts that nothing is trained on."""

from __future__ import annotations

import pyarrow as pa

from prefline.params import ValidateParams
from prefline.tables import PROMPTS
from tasks.validate.facts import shared
from tasks.validate.rules import Rule, Suite, Tables, all_given, made_by, no, once

TABLE = "held_out"
_REMEDY = made_by("sample")


def flatten(tables: Tables, _params: ValidateParams) -> pa.Table:
    """The table's plain columns, and its prompts that something is trained on."""
    held_out = tables.get(TABLE, PROMPTS.empty_table())
    plain = [field.name for field in PROMPTS if not pa.types.is_list(field.type)]
    ids = held_out["prompt_id"]
    derived = {
        "also_drawn": shared(ids, tables["prompts"]["prompt_id"]),
        "also_labelled": shared(ids, tables["preferences"]["prompt_id"]),
    }
    return pa.table({name: held_out[name] for name in plain} | derived)


def rules(_params: ValidateParams) -> tuple[Rule, ...]:
    """What holds for every prompt that is held out."""
    return (
        *all_given(PROMPTS, _REMEDY),
        once("prompt_id", _REMEDY),
        no("also_drawn", "no prompt is held out and drawn", _REMEDY),
        no("also_labelled", "no preference is on a prompt that is held out", _REMEDY),
    )


SUITE = Suite(TABLE, "prompt_id", flatten, rules)
"""Without its own faults in messages: what is wrong with them is told where they are drawn."""
