"""The suites of the tables of prompts: `prompts`, `held_out` and `drawn`."""

from __future__ import annotations

import pyarrow as pa

from prefline.config import ValidateParams
from prefline.filters.leaks import BenchmarkIndex
from prefline.tables import DRAWN, PROMPTS
from prefline.tables.joining import Rows, batches_of
from tasks.validate.columns import Chunk, conversation_faults, pc
from tasks.validate.counts import Rule
from tasks.validate.database import Database
from tasks.validate.facts import NOTHING, columns, join, shared, unknown, when
from tasks.validate.rules import (
    Suite,
    all_given,
    at_least,
    made_by,
    no,
    not_empty,
    once,
    once_together,
    warning,
)

_REMEDY = made_by("sample")
# The stage keeps what earlier rounds have written there, faults too.
_DRAWN_REMEDY = (
    "bring the ledger back with `dvc checkout data/drawn`, or remove data/drawn, and run "
    "`dvc repro --force --single-item sample`: a round that it does not have counts as drawing "
    "what it would draw today; if the fault comes again, report it with this message"
)
_SEEN = (
    "what was trained on an earlier round has seen them, so that figures on them are too good: "
    "leave sample.hold_out as it was when the rounds began"
)
_LEDGER = "data/drawn is of another draw than data/prompts: run `dvc checkout` or `dvc repro`"
_LEAK = "name the set under sample.filters.benchmarks too, which keeps such prompts out"


_LAST_ROUND = "round = (SELECT max(round) FROM drawn)"


def _prompts_rows(database: Database, _params: ValidateParams) -> str:
    """Return the query for what is wrong with the conversations, what of them a benchmark holds,
    what does not belong together in what is told of a prompt that a model made, and what the ledger
    lacks."""
    facts = {
        "not_drawn": unknown("t.prompt_id", "d"),
        "unknown_parent_id": "lost.parent",
        "half_told": when(
            "(style IS NOT NULL) <> has_parents OR (request_key IS NOT NULL) <> has_parents",
            "t.prompt_id",
        ),
        "leaks": "leaks.leak" if database.has("leaks") else NOTHING,
    }
    known = database.known("prompts", "prompt_id")
    lost = f"""(SELECT child, arg_min(parent, number) AS parent FROM (
            SELECT row_at AS child, unnest(parent_ids) AS parent,
                generate_subscripts(parent_ids, 1) AS number
            FROM prompts WHERE parent_ids IS NOT NULL
        ) named ANTI JOIN {known} known ON known.key = id_hash(parent) GROUP BY child)"""
    leaks = "LEFT JOIN leaks ON leaks.row_at = t.row_at" if database.has("leaks") else ""
    return f"""
        SELECT t.*{columns(facts)} FROM {database.facts("prompts", _of_messages)} t
        {join(database.known("drawn", "prompt_id", _LAST_ROUND), "d", "t.prompt_id")}
        LEFT JOIN {lost} lost ON lost.child = t.row_at {leaks}
    """


def _of_messages(batch: pa.RecordBatch) -> dict[str, Chunk]:
    return {
        "messages_fault": conversation_faults(batch["messages"]),
        "has_parents": pc.is_valid(batch["parent_ids"]),
    }


def _prompts_rules(_params: ValidateParams) -> tuple[Rule, ...]:
    """Return what holds for every prompt."""
    return (
        *all_given(PROMPTS, _REMEDY),
        once("prompt_id", _REMEDY),
        no("messages_fault", "messages have known roles and text", _REMEDY),
        not_empty("source", _REMEDY),
        not_empty("category", _REMEDY),
        no("unknown_parent_id", "every prompt that a prompt was made of exists", _REMEDY),
        no("half_told", "parents, style and call of a prompt are all told, or none", _REMEDY),
        no("not_drawn", "every prompt is noted as drawn by the last round", _LEDGER),
        no("leaks", "no prompt is in an evaluation set of validate.benchmarks", _LEAK),
    )


PROMPTS_SUITE = Suite("prompts", "prompt_id", _prompts_rows, _prompts_rules)


def _held_out_rows(database: Database, _params: ValidateParams) -> str:
    """Return the query for the prompts that something is trained on."""
    facts = {
        "also_drawn": shared("t.prompt_id", "p"),
        "also_labelled": shared("t.prompt_id", "labelled"),
    }
    return f"""
        SELECT t.*{columns(facts)} FROM held_out t
        {join(database.known("prompts", "prompt_id"), "p", "t.prompt_id")}
        {join(database.known("preferences", "prompt_id"), "labelled", "t.prompt_id")}
    """


def _held_out_rules(_params: ValidateParams) -> tuple[Rule, ...]:
    """Return what holds for every prompt that is held out."""
    return (
        *all_given(PROMPTS, _REMEDY),
        once("prompt_id", _REMEDY),
        no("also_drawn", "no prompt is held out and drawn", _REMEDY),
        no("also_labelled", "no preference is on a prompt that is held out", _REMEDY),
    )


HELD_OUT_SUITE = Suite("held_out", "prompt_id", _held_out_rows, _held_out_rules)
"""Without its own faults in messages: what is wrong with them is told where they are drawn."""


def _drawn_rows(database: Database, _params: ValidateParams) -> str:
    """Return the query for what this round has noted and is not there, and what a round has drawn
    of what is held out."""
    facts = {
        "not_a_prompt": when(f"p.key IS NULL AND {_LAST_ROUND}", "t.prompt_id"),
        "now_held_out": shared("t.prompt_id", "h"),
    }
    return f"""
        SELECT t.*{columns(facts)} FROM drawn t
        {join(database.known("prompts", "prompt_id"), "p", "t.prompt_id")}
        {join(database.known("held_out", "prompt_id"), "h", "t.prompt_id")}
    """


def _drawn_rules(_params: ValidateParams) -> tuple[Rule, ...]:
    """Return what holds for every draw. With `reuse`, and without a size, a prompt comes in several
    rounds."""
    return (
        *all_given(DRAWN, _DRAWN_REMEDY),
        once_together(("prompt_id", "round"), _DRAWN_REMEDY),
        at_least("round", 0, _DRAWN_REMEDY),
        no("not_a_prompt", "what the last round has drawn is in prompts", _DRAWN_REMEDY),
        warning(no("now_held_out", "no round has drawn what is held out", _SEEN)),
    )


DRAWN_SUITE = Suite("drawn", "prompt_id", _drawn_rows, _drawn_rules)


def leaks_table(prompts: Rows, leaks: BenchmarkIndex) -> pa.Table:
    """Return one row for each prompt, in their order: `leak` says which set holds a part of it,
    null if none does."""
    found = [
        leaks("\n".join(message["content"] or "" for message in messages or ()))
        for batch in batches_of(prompts, ("messages",))
        for messages in batch.column("messages").to_pylist()
    ]
    return pa.table({"leak": pa.array(found, pa.string())})
