"""What came of a comparison: a verdict and the calls behind it, or the failure of a call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from prefline.config import Judge
from prefline.ids import content_id
from prefline.llm import Failure, Reply, Steps, call_columns
from prefline.tables import Rejection
from tasks.judge.comparisons import Comparison

Side = Literal["first", "second", "tie", "invalid"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """A verdict. `p_first` is the judge's own probability that the first is better, where it
    gave one; `rationale` is its reason, or the raw reply of an invalid verdict."""

    side: Side
    p_first: float | None
    rationale: str | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """A comparison with its verdict. `replies` are those behind it; where several verdicts rest
    on one reply, `charged` says how many of them, from the first on, this one is charged with."""

    comparison: Comparison
    verdict: Verdict
    replies: tuple[Reply, ...] = ()
    charged: int | None = None
    principle: str | None = None


# What one dialogue with a judge says of the comparisons that it was about.
Ruling = list[Judged | Rejection]
Hearing = Steps[Ruling]


def judgment_id(judge: Judge, comparison: Comparison, principle: str | None = None) -> str:
    """Id of one judge's verdict on one comparison in one order."""
    first, second = comparison.first.response_id, comparison.second.response_id
    return content_id("judgment", judge.name, judge.method, principle, first, second)


def judgment_row(judge: Judge, judged: Judged) -> dict[str, Any]:
    """A verdict as a row of `judgments`."""
    comparison, verdict = judged.comparison, judged.verdict
    return {
        "judgment_id": judgment_id(judge, comparison, judged.principle),
        "prompt_id": comparison.prompt.prompt_id,
        "first_id": comparison.first.response_id,
        "second_id": comparison.second.response_id,
        "judge": judge.name,
        "method": judge.method,
        "principle": judged.principle,
        "verdict": verdict.side,
        "p_first": verdict.p_first,
        "rationale": verdict.rationale,
        **call_columns(judged.replies, judged.charged),
    }


def lost(
    judge: Judge, comparison: Comparison, failure: Failure, principle: str | None = None
) -> Rejection:
    """A failed call as a rejection of the judgment that it would have made."""
    identity = judgment_id(judge, comparison, principle)
    return Rejection("judge", "judgment", identity, failure.reason, failure.detail)
