"""The suites of the tables of prompts: `prompts`, `held_out` and `drawn`."""

from __future__ import annotations

import pyarrow as pa

from prefline.config import ValidateParams
from prefline.filters.leaks import BenchmarkIndex
from prefline.tables import DRAWN, PROMPTS
from tasks.validate.columns import Chunk, Column, Rows, batches, by_batch, conversation_faults, pc
from tasks.validate.facts import shared, unknown, unknown_in, where
from tasks.validate.rules import (
    Rule,
    Suite,
    Tables,
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


def _prompts_columns(tables: Tables, _params: ValidateParams) -> dict[str, Column]:
    """Return what is wrong with the conversations, what of them a benchmark holds, and what the
    ledger lacks."""
    prompts = tables["prompts"]
    no_leaks = pa.chunked_array([pa.nulls(prompts.num_rows, pa.string())])
    return {
        **by_batch(prompts, ("messages",), _of_messages),
        **_of_parents(prompts),
        "not_drawn": unknown(prompts["prompt_id"], drawn_last(tables["drawn"])),
        "leaks": tables["leaks"]["leak"] if "leaks" in tables else no_leaks,
    }


def _of_parents(prompts: Rows) -> dict[str, Column]:
    """Return what does not belong together in what is told of a prompt that a model made."""
    ids, parents = prompts["prompt_id"], prompts["parent_ids"]
    made = pc.is_valid(parents)
    told = [pc.equal(pc.is_valid(prompts[name]), made) for name in ("style", "request_key")]
    return {
        "unknown_parent_id": unknown_in(parents, ids),
        "half_told": where(pc.invert(pc.and_(*told)), ids),
    }


def _of_messages(batch: pa.RecordBatch) -> dict[str, Chunk]:
    return {"messages_fault": conversation_faults(batch["messages"])}


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


PROMPTS_SUITE = Suite("prompts", "prompt_id", _prompts_columns, _prompts_rules)


def _held_out_columns(tables: Tables, _params: ValidateParams) -> dict[str, Column]:
    """Return the prompts that something is trained on."""
    ids = tables["held_out"]["prompt_id"]
    return {
        "also_drawn": shared(ids, tables["prompts"]["prompt_id"]),
        "also_labelled": shared(ids, tables["preferences"]["prompt_id"]),
    }


def _held_out_rules(_params: ValidateParams) -> tuple[Rule, ...]:
    """Return what holds for every prompt that is held out."""
    return (
        *all_given(PROMPTS, _REMEDY),
        once("prompt_id", _REMEDY),
        no("also_drawn", "no prompt is held out and drawn", _REMEDY),
        no("also_labelled", "no preference is on a prompt that is held out", _REMEDY),
    )


HELD_OUT_SUITE = Suite("held_out", "prompt_id", _held_out_columns, _held_out_rules)
"""Without its own faults in messages: what is wrong with them is told where they are drawn."""


def _drawn_columns(tables: Tables, _params: ValidateParams) -> dict[str, Column]:
    """Return what this round has noted and is not there, and what a round has drawn of what is held
    out."""
    drawn = tables["drawn"]
    gone = unknown(drawn["prompt_id"], tables["prompts"]["prompt_id"])
    return {
        "not_a_prompt": where(_of_last_round(drawn), gone),
        "now_held_out": shared(drawn["prompt_id"], tables["held_out"]["prompt_id"]),
    }


def drawn_last(drawn: Rows) -> Column:
    """Return the ids that the last round has drawn."""
    ids: Column = drawn["prompt_id"].filter(_of_last_round(drawn))
    return ids


def _of_last_round(drawn: Rows) -> Column:
    rounds = drawn["round"]
    last: Column = pc.equal(rounds, pc.max(rounds))
    return last


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


DRAWN_SUITE = Suite("drawn", "prompt_id", _drawn_columns, _drawn_rules)


def leaks_table(prompts: Rows, leaks: BenchmarkIndex) -> pa.Table:
    """Return one row for each prompt, in their order: `leak` says which set holds a part of it,
    null if none does."""
    found = [
        leaks("\n".join(message["content"] or "" for message in messages or ()))
        for batch in batches(prompts, ("messages",))
        for messages in batch.column("messages").to_pylist()
    ]
    return pa.table({"leak": pa.array(found, pa.string())})
