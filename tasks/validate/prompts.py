"""The suite of `prompts`."""

from __future__ import annotations

import pyarrow as pa

from prefline.config import ValidateParams
from prefline.tables import PROMPTS
from tasks.validate.columns import Chunk, Column, Rows, by_batch, pc
from tasks.validate.drawn import drawn_last
from tasks.validate.facts import unknown, unknown_in, where
from tasks.validate.messages import conversation_faults
from tasks.validate.rules import Rule, Suite, Tables, all_given, made_by, no, not_empty, once

_REMEDY = made_by("sample")
_LEDGER = "data/drawn is of another draw than data/prompts: run `dvc checkout` or `dvc repro`"
_LEAK = "name the set under sample.filters.benchmarks too, which keeps such prompts out"


def derive(tables: Tables, _params: ValidateParams) -> dict[str, Column]:
    """What is wrong with the conversations, what of them a benchmark holds, and what the ledger
    lacks."""
    prompts = tables["prompts"]
    no_leaks = pa.chunked_array([pa.nulls(prompts.num_rows, pa.string())])
    return {
        **by_batch(prompts, ("messages",), _of_messages),
        **_of_parents(prompts),
        "not_drawn": unknown(prompts["prompt_id"], drawn_last(tables["drawn"])),
        "leaks": tables["leaks"]["leak"] if "leaks" in tables else no_leaks,
    }


def _of_parents(prompts: Rows) -> dict[str, Column]:
    """What does not belong together in what is told of a prompt that a model made."""
    ids, parents = prompts["prompt_id"], prompts["parent_ids"]
    made = pc.is_valid(parents)
    told = [pc.equal(pc.is_valid(prompts[name]), made) for name in ("style", "request_key")]
    return {
        "unknown_parent_id": unknown_in(parents, ids),
        "half_told": where(pc.invert(pc.and_(*told)), ids),
    }


def _of_messages(batch: pa.RecordBatch) -> dict[str, Chunk]:
    return {"messages_fault": conversation_faults(batch["messages"])}


def rules(_params: ValidateParams) -> tuple[Rule, ...]:
    """What holds for every prompt."""
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


SUITE = Suite("prompts", "prompt_id", derive, rules)
