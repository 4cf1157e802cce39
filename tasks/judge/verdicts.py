"""What a judge said about one comparison."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from prefline.ids import content_id
from prefline.params import JudgeSpec
from tasks.judge.comparisons import Comparison

Side = Literal["first", "second", "tie", "invalid"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """A verdict. `p_first` is the judge's own probability that the first is better, where it
    gave one; `rationale` is its reason, or the raw reply of an invalid verdict."""

    side: Side
    p_first: float | None
    rationale: str | None = None


def judgment_id(judge: JudgeSpec, comparison: Comparison) -> str:
    """Id of one judge's verdict on one comparison in one order."""
    first, second = comparison.first.response_id, comparison.second.response_id
    return content_id("judgment", judge.name, judge.method, None, first, second)


def judgment_row(judge: JudgeSpec, comparison: Comparison, verdict: Verdict) -> dict[str, Any]:
    """A verdict as a row of `judgments`, without what it cost."""
    return {
        "judgment_id": judgment_id(judge, comparison),
        "prompt_id": comparison.prompt.prompt_id,
        "first_id": comparison.first.response_id,
        "second_id": comparison.second.response_id,
        "judge": judge.name,
        "method": judge.method,
        "verdict": verdict.side,
        "p_first": verdict.p_first,
        "rationale": verdict.rationale,
    }
