"""Judge results: a verdict with the calls behind it, or the failure of a call; and their rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from prefline.config import Judge
from prefline.ids import content_id
from prefline.llm.outcome import Failure, Reply, Steps, call_columns
from prefline.tables import Rejection
from tasks.judge.comparisons import Comparison

if TYPE_CHECKING:
    import pyarrow as pa

Side = Literal["first", "second", "tie", "invalid"]
InvalidReason = Literal[
    "cut_off",  # by max_tokens, before the verdict was complete
    "reasoning_only",  # so was its reasoning: it says nothing
    "no_verdict",  # it says something else, or names both answers
    "out_of_form",  # scores are missing or off the scale, or the ranking is not one of all
    "empty",
    "content_filter",
    "refusal",
]


@dataclass(frozen=True, slots=True)
class VoteCounts:
    """The counts of verdicts of a judge that was asked the same several times."""

    first: int
    second: int
    tie: int
    invalid: int


class Verdict(NamedTuple):
    """A verdict. `p_first` is the judge's own probability that the first is better, where it
    gave one; `rationale` is its reason, or the raw reply of an invalid verdict, of which `reason`
    says what is wrong with it. `votes` are those of which it is the majority, if it was asked for
    several."""

    side: Side
    p_first: float | None
    rationale: str | None = None
    reason: InvalidReason | None = None
    votes: VoteCounts | None = None


class Judgment(NamedTuple):
    """A comparison with its verdict. `replies` are those behind it; where several verdicts rest
    on one reply, `charged` is how many of them, from the first on, this one is charged with."""

    comparison: Comparison
    verdict: Verdict
    replies: tuple[Reply, ...] = ()
    charged: int | None = None
    principle: str | None = None


# What one judge task says of the comparisons that it was about.
JudgeResult = list[Judgment | Rejection]
# A conversation with a judge: yields requests, is sent their outcomes, returns its result.
JudgeTask = Steps[JudgeResult]


def without_calls(result: JudgeResult) -> JudgeTask:
    """Return a judge task that makes no call."""
    return result
    yield  # makes this a generator


def judgment_id(judge: Judge, comparison: Comparison, principle: str | None = None) -> str:
    """Return the id of one judge's verdict on one comparison in one order."""
    first, second = comparison.first.response_id, comparison.second.response_id
    return content_id("judgment", judge.name, judge.method, principle, first, second)


def failed_judgment(
    judge: Judge, comparison: Comparison, failure: Failure, principle: str | None = None
) -> Rejection:
    """Return a failed call as a rejection of the judgment that it would have made."""
    identity = judgment_id(judge, comparison, principle)
    return Rejection("judge", "judgment", identity, failure.reason, failure.detail)


def judgment_row(judge: Judge, judgment: Judgment) -> dict[str, Any]:
    """Return a judgment as a row of `judgments`."""
    comparison, verdict = judgment.comparison, judgment.verdict
    return {
        "judgment_id": judgment_id(judge, comparison, judgment.principle),
        "prompt_id": comparison.prompt.prompt_id,
        "first_id": comparison.first.response_id,
        "second_id": comparison.second.response_id,
        "judge": judge.name,
        "method": judge.method,
        "principle": judgment.principle,
        "verdict": verdict.side,
        "p_first": verdict.p_first,
        "rationale": verdict.rationale,
        "reasoning": _reasoning(judgment.replies[: judgment.charged]),
        "invalid_reason": verdict.reason,
        **_votes(verdict.votes),
        **call_columns(judgment.replies, judgment.charged),
    }


def _reasoning(replies: Iterable[Reply]) -> str | None:
    return "\n\n".join([reply.reasoning for reply in replies if reply.reasoning]) or None


def _votes(votes: VoteCounts | None) -> dict[str, int]:
    return {} if votes is None else {f"votes_{side}": n for side, n in asdict(votes).items()}


def judgment_rows(judge: Judge, results: Iterable[JudgeResult]) -> tuple[pa.Table, list[Rejection]]:
    """Return a judge's verdicts as rows of `judgments`, and what was asked of it and failed."""
    from prefline.tables import JUDGMENTS, table_from_rows

    ended = [item for result in results for item in result]
    rows = [judgment_row(judge, item) for item in ended if isinstance(item, Judgment)]
    rejections = [item for item in ended if isinstance(item, Rejection)]
    return table_from_rows(rows, JUDGMENTS), rejections
