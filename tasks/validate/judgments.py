"""The suite of `judgments`."""

from __future__ import annotations

from prefline.config import ValidateParams
from prefline.tables import CHARGES, JUDGMENTS
from tasks.validate.columns import Column, Rows, pc
from tasks.validate.facts import equal, over_share, places, unknown, where
from tasks.validate.rules import (
    Rule,
    Suite,
    Tables,
    all_given,
    at_least,
    made_by,
    no,
    once,
    one_of,
    within,
)

VERDICTS = ("first", "second", "tie", "invalid")

_REMEDY = made_by("judge")
_STALE = "the judgments were made on other prompts or responses than these: run `dvc repro`"


def derive(tables: Tables, params: ValidateParams) -> dict[str, Column]:
    """References that lead nowhere, and the judges that answer badly."""
    judgments, responses = tables["judgments"], tables["responses"]
    invalid = pc.equal(judgments["verdict"], "invalid")
    ids = judgments["judgment_id"]
    return {
        "unknown_prompt_id": unknown(judgments["prompt_id"], tables["prompts"]["prompt_id"]),
        "same_on_both_sides": equal(judgments["first_id"], judgments["second_id"]),
        "p_first_not_a_number": where(pc.is_nan(judgments["p_first"]), ids),
        "reply_not_kept": where(pc.and_(invalid, pc.is_null(judgments["rationale"])), ids),
        "invalid_too_often": over_share(judgments["judge"], invalid, params.max_invalid_share),
        **_of_side("first", judgments, responses),
        **_of_side("second", judgments, responses),
    }


def _of_side(side: str, judgments: Rows, responses: Rows) -> dict[str, Column]:
    ids = judgments[f"{side}_id"]
    at = places(ids, responses["response_id"])
    answered = pc.take(responses["prompt_id"], at)
    return {
        f"unknown_{side}_id": where(pc.is_null(at), ids),
        f"{side}_answers_other_prompt": where(pc.not_equal(answered, judgments["prompt_id"]), ids),
    }


def rules(params: ValidateParams) -> tuple[Rule, ...]:
    """What holds for every judgment."""
    most = params.max_invalid_share
    return (
        *all_given(JUDGMENTS, _REMEDY),
        once("judgment_id", _REMEDY),
        no("unknown_prompt_id", "every judgment's prompt exists", _STALE),
        no("unknown_first_id", "every first response exists", _STALE),
        no("unknown_second_id", "every second response exists", _STALE),
        no("first_answers_other_prompt", "the first response answers the prompt", _REMEDY),
        no("second_answers_other_prompt", "the second response answers the prompt", _REMEDY),
        no("same_on_both_sides", "first_id and second_id differ", _REMEDY),
        one_of("verdict", VERDICTS, _REMEDY),
        within("p_first", 0, 1, _REMEDY),
        no("p_first_not_a_number", "p_first is null or a number", _REMEDY),
        no("reply_not_kept", "an invalid verdict keeps the judge's reply", _REMEDY),
        *(at_least(name, 0, _REMEDY) for name in CHARGES),
        no(
            "invalid_too_often",
            f"at most {most:.0%} of a judge's verdicts are invalid",
            "read some of its replies with `prefline trace ID`; take a judge that follows its "
            "instructions, or raise validate.max_invalid_share",
        ),
    )


SUITE = Suite("judgments", "judgment_id", derive, rules)
