"""The suites of `anchors` and `answers`: pairs whose truth was told, and people's answers.

The warrant of a version counts them: one that is there twice, or is on another pair, would promise
more than people said.
"""

from __future__ import annotations

from prefline.config import ValidateParams
from prefline.tables import ANCHORS, ANSWERS
from tasks.validate.counts import Rule
from tasks.validate.database import Database
from tasks.validate.facts import OF_PAIR, columns, join, unknown, when
from tasks.validate.rules import Suite, all_given, made_by, no, once_together, one_of, within

TOLD_BY = ("people", "verifier")
LABEL_SOURCES = ("ai", "imported", "verifier")

_REMEDY = made_by("pair")
_STALE = "the table was made from other prompts or responses than these: run `dvc repro`"


def _of_pair(table: str, database: Database, facts: dict[str, str], joins: str = "") -> str:
    """Return the query for rows on pairs, with the prompts that do not exist, and the pairs that
    were neither kept nor rejected."""
    both = {
        "unknown_prompt_id": unknown("t.prompt_id", "p"),
        "decided_nowhere": when("kept.key IS NULL AND rejected.key IS NULL", "t.pair_id"),
    }
    return f"""
        SELECT t.*{columns(both | facts)} FROM {table} t {joins}
        {join(database.known("prompts", "prompt_id"), "p", "t.prompt_id")}
        {join(database.known("preferences", "pair_id"), "kept", "t.pair_id")}
        {join(database.known("rejections", "id", OF_PAIR), "rejected", "t.pair_id")}
    """


def _of_anchors(database: Database, _params: ValidateParams) -> str:
    facts = {
        "agrees_with_a_tie": when("tie AND agrees", "t.pair_id"),
        "measures_itself": when("told_by = 'verifier' AND label_source = 'verifier'", "t.pair_id"),
    }
    return _of_pair("anchors", database, facts)


def _of_answers(database: Database, _params: ValidateParams) -> str:
    responses = database.known("responses", "response_id", prompt="id_hash(prompt_id)")
    facts = {
        "unknown_preferred_id": unknown("t.preferred_id", "r"),
        "preferred_answers_other_prompt": when(
            "r.prompt <> id_hash(t.prompt_id)", "t.preferred_id"
        ),
    }
    return _of_pair("answers", database, facts, join(responses, "r", "t.preferred_id"))


def _rules_of_pair(told: str) -> tuple[Rule, ...]:
    return (
        no("unknown_prompt_id", f"the prompt of every {told} exists", _STALE),
        no("decided_nowhere", f"the pair of every {told} is a preference or one that `pair` "
           "rejected", _REMEDY),
    )  # fmt: skip


def _anchor_rules(_params: ValidateParams) -> tuple[Rule, ...]:
    return (
        *all_given(ANCHORS, _REMEDY),
        once_together(("pair_id", "told_by"), _REMEDY),
        *_rules_of_pair("anchor"),
        one_of("told_by", TOLD_BY, _REMEDY),
        one_of("label_source", LABEL_SOURCES, _REMEDY),
        within("p_chosen", 0.5, 1, _REMEDY),
        no("agrees_with_a_tie", "no label agrees with a tie", _REMEDY),
        no("measures_itself", "a verifier's word is not compared with itself", _REMEDY),
    )


def _answer_rules(_params: ValidateParams) -> tuple[Rule, ...]:
    return (
        *all_given(ANSWERS, _REMEDY),
        once_together(("pair_id", "reviewer"), _REMEDY),
        *_rules_of_pair("answer"),
        no("unknown_preferred_id", "every preferred_id is a response", _STALE),
        no("preferred_answers_other_prompt", "preferred_id answers the prompt", _REMEDY),
        within("accuracy", 0, 1, _REMEDY),
    )


ANCHORS_SUITE = Suite("anchors", "pair_id", _of_anchors, _anchor_rules)
ANSWERS_SUITE = Suite("answers", "pair_id", _of_answers, _answer_rules)
