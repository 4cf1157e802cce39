"""The suites of `anchors` and `answers`: pairs whose truth was told, and people's answers.

The warrant of a version counts them: one that is there twice, or is on another pair, would promise
more than people said.
"""

from __future__ import annotations

from prefline.config import ValidateParams
from prefline.tables import ANCHORS, ANSWERS
from tasks.validate.columns import Column, pc
from tasks.validate.facts import places, unknown, where
from tasks.validate.rules import (
    Rule,
    Suite,
    Tables,
    all_given,
    made_by,
    no,
    once_together,
    one_of,
    within,
)

TOLD_BY = ("people", "verifier")
LABEL_SOURCES = ("ai", "imported", "verifier")

_REMEDY = made_by("pair")
_STALE = "the table was made from other prompts or responses than these: run `dvc repro`"


def _of_pair(table: str, tables: Tables) -> dict[str, Column]:
    """Return the prompts that do not exist, and the pairs that were neither kept nor rejected."""
    rows, preferences, rejections = (tables[t] for t in (table, "preferences", "rejections"))
    by_pair = pc.and_(pc.equal(rejections["stage"], "pair"), pc.equal(rejections["kind"], "pair"))
    kept = places(rows["pair_id"], preferences["pair_id"])
    rejected = places(rows["pair_id"], rejections["id"].filter(by_pair))
    nowhere = pc.and_(pc.is_null(kept), pc.is_null(rejected))
    return {
        "unknown_prompt_id": unknown(rows["prompt_id"], tables["prompts"]["prompt_id"]),
        "decided_nowhere": where(nowhere, rows["pair_id"]),
    }


def _of_anchors(tables: Tables, _params: ValidateParams) -> dict[str, Column]:
    anchors = tables["anchors"]
    verifier = pc.equal(anchors["told_by"], "verifier")
    of_check = pc.equal(anchors["label_source"], "verifier")
    return _of_pair("anchors", tables) | {
        "agrees_with_a_tie": where(pc.and_(anchors["tie"], anchors["agrees"]), anchors["pair_id"]),
        "measures_itself": where(pc.and_(verifier, of_check), anchors["pair_id"]),
    }


def _of_answers(tables: Tables, _params: ValidateParams) -> dict[str, Column]:
    answers, responses = tables["answers"], tables["responses"]
    preferred = answers["preferred_id"]
    at = places(preferred, responses["response_id"])
    nobody = pc.and_(pc.is_valid(preferred), pc.is_null(at))
    other = pc.not_equal(pc.take(responses["prompt_id"], at), answers["prompt_id"])
    return _of_pair("answers", tables) | {
        "unknown_preferred_id": where(nobody, preferred),
        "preferred_answers_other_prompt": where(other, preferred),
    }


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
