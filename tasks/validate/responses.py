"""The suite of `responses`."""

from __future__ import annotations

from prefline.config import ValidateParams
from prefline.tables import CHARGES, RESPONSES
from tasks.validate.counts import Rule
from tasks.validate.database import Database
from tasks.validate.facts import columns, join, unknown, when
from tasks.validate.rules import (
    Suite,
    all_given,
    at_least,
    given,
    made_by,
    no,
    once,
    one_of,
    warning,
)

ORIGINS = ("sampled", "revised", "imported")

_REMEDY = made_by("generate")
_STALE = "the responses were made from other prompts than these: run `dvc repro`"


def derive(database: Database, params: ValidateParams) -> str:
    """Return the query for references that lead nowhere, and the models that are cut off."""
    truncated = "finish_reason = 'length'"
    facts = {
        "text_length": "length(text)",
        "unknown_prompt_id": unknown("t.prompt_id", "p"),
        "unknown_parent_id": unknown("t.parent_id", "parent"),
        "revision_of_nothing": when("origin = 'revised' AND parent_id IS NULL", "t.response_id"),
        "truncated_too_often": when(truncated, "o.worded"),
    }
    over = database.over_share("responses", "model", truncated, params.max_truncated_share)
    # Few responses have a parent, and many none.
    parents = """(SELECT id_hash(response_id) AS key FROM responses WHERE response_id IN (
        SELECT parent_id FROM responses WHERE parent_id IS NOT NULL) GROUP BY key)"""
    return f"""
        SELECT t.*{columns(facts)} FROM responses t
        {join(database.known("prompts", "prompt_id"), "p", "t.prompt_id")}
        {join(parents, "parent", "t.parent_id")}
        LEFT JOIN {over} o ON o.key = t.model
    """


def rules(params: ValidateParams) -> tuple[Rule, ...]:
    """Return what holds for every response. A truncated or empty one never becomes a preference, so
    that too many of them are a waste and no fault of the data."""
    most = params.max_truncated_share
    return (
        *all_given(RESPONSES.remove(RESPONSES.get_field_index("text")), _REMEDY),
        given("text_length", _REMEDY),
        once("response_id", _REMEDY),
        no("unknown_prompt_id", "every response's prompt exists", _STALE),
        no("unknown_parent_id", "every revised response exists", _REMEDY),
        no("revision_of_nothing", "a revision names what it revises", _REMEDY),
        one_of("origin", ORIGINS, _REMEDY),
        at_least("sample_index", 0, _REMEDY),
        *(at_least(name, 0, _REMEDY) for name in CHARGES),
        warning(
            at_least(
                "text_length", 1, "see whether the model wants a chat template or other sampling"
            )
        ),
        warning(
            no(
                "truncated_too_often",
                f"at most {most:.0%} of a model's responses are cut off",
                "raise generate.max_tokens, or validate.max_truncated_share if this is meant",
            )
        ),
    )


SUITE = Suite("responses", "response_id", derive, rules)
