"""The suite of `review`, the queue of pairs for people.

It is not published, but what people say of it outranks every judge: a wrong text or id in it would
become a wrong label that nobody doubts.
"""

from __future__ import annotations

from itertools import chain

import pyarrow as pa

from prefline.config import ValidateParams
from prefline.tables import REVIEW_QUEUE
from tasks.validate.columns import Chunk, Column, Rows, batches, by_batch, conversation_faults, pc
from tasks.validate.facts import equal, places, unknown, where
from tasks.validate.rules import Rule, Suite, Tables, all_given, at_least, made_by, no, once, one_of

TABLE = "review"
WHYS = ("random", "begun", "budgeted", "high_stakes", "judges_disagree", "uncertain")

_REMEDY = made_by("pair")
_STALE = "the queue was made from other prompts or responses than these: run `dvc repro`"
_SIDES = ("a", "b")


def derive(tables: Tables, _params: ValidateParams) -> dict[str, Column]:
    """Return what is wrong with the conversations and the texts, and between columns and tables."""
    review, responses = tables[TABLE], tables["responses"]
    shown = _shown(review, responses)
    found = by_batch(review, ("prompt",), _of_prompt) | _of_place(review) | _of_label(tables)
    for side in _SIDES:
        found |= _of_side(side, review, shown)
    return found | {
        "unknown_prompt_id": unknown(review["prompt_id"], tables["prompts"]["prompt_id"]),
        "same_on_both_sides": equal(review["response_a_id"], review["response_b_id"]),
        "identical_text": equal(review["response_a"], review["response_b"]),
    }


def _of_prompt(batch: pa.RecordBatch) -> dict[str, Chunk]:
    return {"prompt_fault": conversation_faults(batch["prompt"])}


def _shown(review: Rows, responses: Rows) -> pa.Table:
    """Return the responses that the queue shows: a few of many, whose texts are looked for a batch
    at a time."""
    sides = (review[f"response_{side}_id"].chunks for side in _SIDES)
    known = pc.unique(pa.chunked_array([*chain(*sides)], pa.string()))
    columns = ("response_id", "prompt_id", "text")
    found = [
        batch.filter(pc.is_in(batch["response_id"], value_set=known))
        for batch in batches(responses, columns)
    ]
    schema = pa.schema([responses.schema.field(name) for name in columns])
    return pa.Table.from_batches(found, schema)


def _of_side(side: str, review: Rows, shown: pa.Table) -> dict[str, Column]:
    ids, text = review[f"response_{side}_id"], review[f"response_{side}"]
    at = places(ids, shown["response_id"])
    answered, written = pc.take(shown["prompt_id"], at), pc.take(shown["text"], at)
    return {
        f"unknown_{side}_id": where(pc.is_null(at), ids),
        f"{side}_answers_other_prompt": where(pc.not_equal(answered, review["prompt_id"]), ids),
        f"{side}_is_blank": where(pc.equal(pc.utf8_trim_whitespace(text), ""), ids),
        f"{side}_is_other_text": where(pc.not_equal(written, text), ids),
    }


def _of_place(review: Rows) -> dict[str, Column]:
    """Return the faults of a pair's place in the queue, by its answers and their value."""
    why, value = review["why"], review["value"]
    answered = pc.greater(review["n_answers"], 0)
    by_lot, begun = pc.equal(why, "random"), pc.equal(why, "begun")
    otherwise = pc.and_(pc.invert(by_lot), pc.not_equal(begun, answered))
    budgeted = pc.equal(why, "budgeted")
    by_value = pc.invert(pc.or_(pc.or_(by_lot, begun), budgeted))
    return {
        "begun_otherwise": where(otherwise, why),
        "value_not_a_number": where(pc.invert(pc.is_finite(value)), review["pair_id"]),
        "worth_nothing": where(pc.and_(by_value, pc.equal(value, 0)), why),
    }


def _of_label(tables: Tables) -> dict[str, Column]:
    """Return every pair that was judged got a label or a reason for none; people's where they
    answered."""
    review, preferences, rejections = (tables[t] for t in (TABLE, "preferences", "rejections"))
    by_pair = pc.and_(pc.equal(rejections["stage"], "pair"), pc.equal(rejections["kind"], "pair"))
    rejected = rejections["id"].filter(by_pair)
    ids, at = review["pair_id"], places(review["pair_id"], preferences["pair_id"])
    source = pc.take(preferences["label_source"], at)
    answered = pc.greater(review["n_answers"], 0)
    nowhere = pc.and_(pc.is_null(at), pc.is_null(places(ids, rejected)))
    return {
        "decided_nowhere": where(nowhere, ids),
        "label_of_others": where(pc.not_equal(pc.equal(source, "human"), answered), source),
    }


def rules(_params: ValidateParams) -> tuple[Rule, ...]:
    """Return what holds for every pair that people are asked about."""
    return (
        *all_given(REVIEW_QUEUE, _REMEDY),
        once("pair_id", _REMEDY),
        no("prompt_fault", "prompt is a conversation with known roles and text", _REMEDY),
        no("unknown_prompt_id", "every queued pair's prompt exists", _STALE),
        no("same_on_both_sides", "response_a_id and response_b_id differ", _REMEDY),
        no("identical_text", "response_a and response_b have different texts", _REMEDY),
        *(rule for side in _SIDES for rule in _side_rules(side)),
        one_of("why", WHYS, _REMEDY),
        at_least("value", 0, _REMEDY),
        no("value_not_a_number", "value is a finite number", _REMEDY),
        no("worth_nothing", "an answer on a pair that is queued by value is worth something",
           _REMEDY),
        at_least("n_answers", 0, _REMEDY),
        no("begun_otherwise", "but for random ones, begun are the pairs that have answers",
           _REMEDY),
        no("decided_nowhere", "every queued pair is a preference or one that `pair` rejected",
           _REMEDY),
        no("label_of_others", "a queued preference has a human label exactly if it has answers",
           _REMEDY),
    )  # fmt: skip


def _side_rules(side: str) -> tuple[Rule, ...]:
    name = f"response_{side}"
    return (
        no(f"unknown_{side}_id", f"every {name}_id is a response", _STALE),
        no(f"{side}_answers_other_prompt", f"{name}_id answers the prompt", _REMEDY),
        no(f"{side}_is_blank", f"{name} has text", _REMEDY),
        no(f"{side}_is_other_text", f"{name} is the text of {name}_id", _STALE),
    )


SUITE = Suite(TABLE, "pair_id", derive, rules)
