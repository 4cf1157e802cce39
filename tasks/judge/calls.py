"""Calls to a judge's model: for text, for a letter, for each answer; and which verdict pays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from prefline.config import ComparingJudge, Judge, ModelJudge
from prefline.llm import Failure, Outcome, Reply, Request, Sampling
from prefline.tables import Rejection
from prefline.tables.messages import Message
from tasks.judge.comparisons import Comparison
from tasks.judge.results import JudgeTask, Judgment, failed_judgment
from tasks.judge.verdict_parser import TOP_LOGPROBS, parse_letter


def text_request(
    judge: ModelJudge,
    messages: Iterable[Message],
    max_tokens: int,
    response_format: str | None = None,
) -> Request:
    """Return a greedy call for text, or for JSON of a schema."""
    sampling = _greedy(max_tokens)
    return Request(judge.endpoint.model, tuple(messages), sampling, response_format=response_format)


def letter_request(judge: ComparingJudge, messages: Iterable[Message]) -> Request:
    """Return a greedy call for a letter, with the log-probabilities of its candidates."""
    sampling = _greedy(judge.letter_tokens)
    return Request(judge.endpoint.model, tuple(messages), sampling, top_logprobs=TOP_LOGPROBS)


def letter_task(
    judge: ComparingJudge,
    messages: Iterable[Message],
    comparison: Comparison,
    principle: str | None = None,
) -> JudgeTask:
    """Ask for a letter: the verdict on the comparison that the messages show."""
    outcome = yield letter_request(judge, messages)
    if isinstance(outcome, Failure):
        return [failed_judgment(judge, comparison, outcome, principle)]
    verdict = parse_letter(outcome, ties=judge.ties)
    return [Judgment(comparison, verdict, (outcome,), principle=principle)]


def replies_on(
    judge: Judge, comparison: Comparison, outcomes: Mapping[str, Outcome]
) -> list[Reply] | Rejection:
    """Return the replies on the first and the second answer, of the outcomes by response; a
    rejection of the comparison if there is none on either."""
    replies: list[Reply] = []
    for side in (comparison.first, comparison.second):
        outcome = outcomes[side.response_id]
        if isinstance(outcome, Failure):
            return failed_judgment(judge, comparison, outcome)
        replies.append(outcome)
    return replies


def charge(replies: Sequence[Reply], charged: set[str]) -> tuple[tuple[Reply, ...], int]:
    """Return the replies behind a verdict, those that it is charged with first, and how many these
    are: each call is charged to the first verdict that rests on it. The keys of those are added to
    `charged`."""
    fresh = [reply for reply in replies if reply.request.key not in charged]
    known = [reply for reply in replies if reply.request.key in charged]
    charged |= {reply.request.key for reply in fresh}
    return (*fresh, *known), len(fresh)


def _greedy(max_tokens: int) -> Sampling:
    return Sampling(temperature=0.0, top_p=1.0, max_tokens=max_tokens, seed=0)
