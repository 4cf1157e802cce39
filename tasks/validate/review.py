"""The suite of `review`, the queue of pairs for people.

It is not published, but what people say of it outranks every judge: a wrong text or id in it would
become a wrong label that nobody doubts.
"""

from __future__ import annotations

import pyarrow as pa

from prefline.config import ValidateParams
from prefline.tables import REVIEW_QUEUE
from tasks.validate.columns import Chunk, conversation_faults, pc
from tasks.validate.counts import Rule
from tasks.validate.database import Database
from tasks.validate.facts import OF_PAIR, columns, join, of_side, unknown, when
from tasks.validate.rules import Suite, all_given, at_least, made_by, no, once, one_of

TABLE = "review"
WHYS = ("random", "begun", "budgeted", "high_stakes", "judges_disagree", "uncertain")

_REMEDY = made_by("pair")
_STALE = "the queue was made from other prompts or responses than these: run `dvc repro`"
_SIDES = ("a", "b")


_VALUED = "why NOT IN ('random', 'begun', 'budgeted')"


def derive(database: Database, _params: ValidateParams) -> str:
    """Return the query for what is wrong with the conversations and the texts, with a pair's place
    in the queue, and between columns and tables."""
    facts = {
        # But for random ones, begun are the pairs that have answers.
        "begun_otherwise": when("why <> 'random' AND (why = 'begun') <> (n_answers > 0)", "why"),
        "value_not_a_number": when("NOT isfinite(value)", "t.pair_id"),
        "worth_nothing": when(f"{_VALUED} AND value = 0", "why"),
        # Every pair that was judged got a label or a reason for none; people's where they answered.
        "decided_nowhere": when("kept.key IS NULL AND rejected.key IS NULL", "t.pair_id"),
        "label_of_others": when(
            "(kept.label_source = 'human') <> (n_answers > 0)", "kept.label_source"
        ),
        "unknown_prompt_id": unknown("t.prompt_id", "p"),
        "same_on_both_sides": when("response_a_id = response_b_id", "response_a_id"),
        "identical_text": when("response_a = response_b", "response_a"),
    }
    for side in _SIDES:
        facts |= of_side(side, f"t.response_{side}_id", f"of_{side}")
        facts[f"{side}_is_other_text"] = when(
            f"of_{side}.text <> response_{side}", f"t.response_{side}_id"
        )
    # A few of many, so that few texts are held.
    shown = """id_hash(response_id) IN (SELECT id_hash(response_a_id) FROM review
        UNION SELECT id_hash(response_b_id) FROM review)"""
    responses = database.known(
        "responses", "response_id", shown, prompt="id_hash(prompt_id)", text="text"
    )
    kept = database.known("preferences", "pair_id", label_source="label_source")
    return f"""
        SELECT t.*{columns(facts)} FROM {database.facts(TABLE, _of_batch)} t
        {join(database.known("prompts", "prompt_id"), "p", "t.prompt_id")}
        {join(kept, "kept", "t.pair_id")}
        {join(database.known("rejections", "id", OF_PAIR), "rejected", "t.pair_id")}
        {join(responses, "of_a", "t.response_a_id")}
        {join(responses, "of_b", "t.response_b_id")}
    """


def _of_batch(batch: pa.RecordBatch) -> dict[str, Chunk]:
    found = {"prompt_fault": conversation_faults(batch["prompt"])}
    for side in _SIDES:
        blank = pc.equal(pc.utf8_trim_whitespace(batch[f"response_{side}"]), "")
        ids = batch[f"response_{side}_id"]
        found[f"{side}_is_blank"] = pc.if_else(blank, ids, pa.scalar(None, pa.string()))
    return found


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
