"""The suite of the judges: is their word good enough to be published.

One row for each judge that is a model, from what the stage `judge` measured of it
(`data/metrics/judge.json`). A gate is passed unless the whole interval of the figure lies on
the wrong side: few checked pairs are no proof of a bad judge, and the report shows how few
they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from prefline.config import ValidateParams
from prefline.tables import CHARGES, JUDGMENTS
from prefline.tables.gold import VERIFIER
from tasks.validate.counts import Rule
from tasks.validate.database import Database
from tasks.validate.facts import columns, join, of_side, unknown, when
from tasks.validate.rules import (
    Suite,
    all_given,
    at_least,
    gate,
    made_by,
    no,
    nothing_derived,
    once,
    one_of,
    within,
)

VERDICTS = ("first", "second", "tie", "invalid")

_REMEDY = made_by("judge")
_STALE = "the judgments were made on other prompts or responses than these: run `dvc repro`"

JUDGES = "judges"
_EVEN = 0.5
_COLUMNS: dict[str, pa.DataType] = {
    "judge": pa.string(),
    "gold_accuracy": pa.float64(),
    "calibration_error": pa.float64(),
    "position_bias": pa.float64(),
    "canary_fell": pa.float64(),
}
JUDGES_SCHEMA = pa.schema(_COLUMNS)


def judges_table(measured: Mapping[str, Any]) -> pa.Table:
    """Return what speaks best for each judge: the upper end of its accuracy on checked pairs, the
    lower ends of its calibration error and of how far from even it prefers what it sees first."""
    rows = [
        {
            "judge": name,
            "gold_accuracy": one["accuracy_per_order"]["high"],
            "calibration_error": one["ece"]["low"],
            "position_bias": _from_even(one["prefers_first"]),
            "canary_fell": _fell(measured.get("canaries", {}).get(name)),
        }
        for name, one in sorted(measured.get("judges", {}).items())
        if one["method"] != VERIFIER
    ]
    return pa.Table.from_pylist(rows, JUDGES_SCHEMA)


def _fell(canaries: Mapping[str, Any] | None) -> float | None:
    """Return 1 where a judge fell on pairs of planted truth, 0 where not; None without them."""
    return None if canaries is None else float(canaries["fell"])


def _from_even(figure: Mapping[str, float | None]) -> float | None:
    """Return the distance of an interval from one half; 0 where it holds one half."""
    low, high = figure["low"], figure["high"]
    if low is None or high is None:
        return None
    return max(0.0, low - _EVEN, _EVEN - high)


def _judges_rules(params: ValidateParams) -> tuple[Rule, ...]:
    """Return what holds for every judge that could be measured."""
    look = "`prefline report` shows what was measured; "
    return (
        gate(
            "gold_accuracy",
            at_least(
                "gold_accuracy",
                params.min_gold_accuracy,
                f"{look}take a stronger judge, or lower validate.min_gold_accuracy",
            ),
            params,
        ),
        gate(
            "calibration_error",
            within(
                "calibration_error",
                0,
                params.max_calibration_error,
                f"{look}the label model takes most of it out; take a judge with log-probabilities "
                "that mean something, or raise validate.max_calibration_error",
            ),
            params,
        ),
        gate(
            "position_bias",
            within(
                "position_bias",
                0,
                params.max_position_bias,
                f"{look}the label model takes it out where both orders are asked; take another "
                "judge, or raise validate.max_position_bias",
            ),
            params,
        ),
        gate(
            "canaries",
            within(
                "canary_fell",
                0,
                0,
                "it is right on fewer pairs of planted truth than in earlier runs: the model "
                "behind its name may be another one; data/canaries has what it said",
            ),
            params,
        ),
    )


JUDGES_SUITE = Suite(JUDGES, "judge", nothing_derived(JUDGES), _judges_rules)


def _judgments_rows(database: Database, params: ValidateParams) -> str:
    """Return the query for references that lead nowhere, and the judges that answer badly."""
    responses = database.known("responses", "response_id", prompt="id_hash(prompt_id)")
    over = database.over_share(
        "judgments", "judge", "verdict = 'invalid'", params.max_invalid_share
    )
    facts = {
        "unknown_prompt_id": unknown("t.prompt_id", "p"),
        "same_on_both_sides": when("first_id = second_id", "first_id"),
        "p_first_not_a_number": when("isnan(p_first)", "judgment_id"),
        "reply_not_kept": when("verdict = 'invalid' AND rationale IS NULL", "judgment_id"),
        "invalid_too_often": when("verdict = 'invalid'", "o.worded"),
        **of_side("first", "t.first_id", "one"),
        **of_side("second", "t.second_id", "two"),
    }
    return f"""
        SELECT t.*{columns(facts)} FROM judgments t
        {join(database.known("prompts", "prompt_id"), "p", "t.prompt_id")}
        {join(responses, "one", "t.first_id")}
        {join(responses, "two", "t.second_id")}
        LEFT JOIN {over} o ON o.key = t.judge
    """


def _judgments_rules(params: ValidateParams) -> tuple[Rule, ...]:
    """Return what holds for every judgment."""
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


JUDGMENTS_SUITE = Suite("judgments", "judgment_id", _judgments_rows, _judgments_rules)
