"""The suite of `held_out`: prompts that nothing is trained on."""

from __future__ import annotations

from prefline.config import ValidateParams
from prefline.tables import PROMPTS
from tasks.validate.columns import Column
from tasks.validate.facts import shared
from tasks.validate.rules import Rule, Suite, Tables, all_given, made_by, no, once

TABLE = "held_out"
_REMEDY = made_by("sample")


def derive(tables: Tables, _params: ValidateParams) -> dict[str, Column]:
    """The prompts that something is trained on."""
    ids = tables[TABLE]["prompt_id"]
    return {
        "also_drawn": shared(ids, tables["prompts"]["prompt_id"]),
        "also_labelled": shared(ids, tables["preferences"]["prompt_id"]),
    }


def rules(_params: ValidateParams) -> tuple[Rule, ...]:
    """What holds for every prompt that is held out."""
    return (
        *all_given(PROMPTS, _REMEDY),
        once("prompt_id", _REMEDY),
        no("also_drawn", "no prompt is held out and drawn", _REMEDY),
        no("also_labelled", "no preference is on a prompt that is held out", _REMEDY),
    )


SUITE = Suite(TABLE, "prompt_id", derive, rules)
"""Without its own faults in messages: what is wrong with them is told where they are drawn."""
