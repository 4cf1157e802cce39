"""The suite of `drawn`: which round has drawn which prompts."""

from __future__ import annotations

from prefline.config import ValidateParams
from prefline.tables import DRAWN
from tasks.validate.columns import Column, Rows, pc
from tasks.validate.facts import shared, unknown, where
from tasks.validate.rules import (
    Rule,
    Suite,
    Tables,
    all_given,
    at_least,
    no,
    once_together,
    warning,
)

TABLE = "drawn"
# The stage keeps what earlier rounds have written there, faults too.
_REMEDY = (
    "bring the ledger back with `dvc checkout data/drawn`, or remove data/drawn, and run "
    "`dvc repro --force --single-item sample`: a round that it does not have counts as drawing "
    "what it would draw today; if the fault comes again, report it with this message"
)
_SEEN = (
    "what was trained on an earlier round has seen them, so that figures on them are too good: "
    "leave sample.hold_out as it was when the rounds began"
)


def derive(tables: Tables, _params: ValidateParams) -> dict[str, Column]:
    """What this round has noted and is not there, and what a round has drawn of what is held
    out."""
    drawn = tables[TABLE]
    gone = unknown(drawn["prompt_id"], tables["prompts"]["prompt_id"])
    return {
        "not_a_prompt": where(_of_last_round(drawn), gone),
        "now_held_out": shared(drawn["prompt_id"], tables["held_out"]["prompt_id"]),
    }


def drawn_last(drawn: Rows) -> Column:
    """The ids that the last round has drawn."""
    ids: Column = drawn["prompt_id"].filter(_of_last_round(drawn))
    return ids


def _of_last_round(drawn: Rows) -> Column:
    rounds = drawn["round"]
    last: Column = pc.equal(rounds, pc.max(rounds))
    return last


def rules(_params: ValidateParams) -> tuple[Rule, ...]:
    """What holds for every draw. With `reuse`, and without a size, a prompt comes in several
    rounds."""
    return (
        *all_given(DRAWN, _REMEDY),
        once_together(("prompt_id", "round"), _REMEDY),
        at_least("round", 0, _REMEDY),
        no("not_a_prompt", "what the last round has drawn is in prompts", _REMEDY),
        warning(no("now_held_out", "no round has drawn what is held out", _SEEN)),
    )


SUITE = Suite(TABLE, "prompt_id", derive, rules)
