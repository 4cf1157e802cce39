"""The suite of `responses`."""

from __future__ import annotations

import pyarrow as pa

from prefline.config import ValidateParams
from prefline.tables import CHARGES, RESPONSES
from tasks.validate.columns import Chunk, Column, by_batch, pc
from tasks.validate.facts import over_share, unknown, where
from tasks.validate.rules import (
    Rule,
    Suite,
    Tables,
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


def derive(tables: Tables, params: ValidateParams) -> dict[str, Column]:
    """References that lead nowhere, and the models that are cut off."""
    responses = tables["responses"]
    truncated = pc.equal(responses["finish_reason"], "length")
    orphan = where(
        pc.and_(pc.equal(responses["origin"], "revised"), pc.is_null(responses["parent_id"])),
        responses["response_id"],
    )
    return {
        # Instead of the text, which would be copied to pandas.
        **by_batch(responses, ("text",), _lengths),
        "unknown_prompt_id": unknown(responses["prompt_id"], tables["prompts"]["prompt_id"]),
        "unknown_parent_id": unknown(responses["parent_id"], responses["response_id"]),
        "revision_of_nothing": orphan,
        "truncated_too_often": over_share(
            responses["model"], truncated, params.max_truncated_share
        ),
    }


def _lengths(batch: pa.RecordBatch) -> dict[str, Chunk]:
    return {"text_length": pc.utf8_length(batch["text"])}


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
