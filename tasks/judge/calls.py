"""Calls to a judge's model: for text, for a letter, for each answer, once more where a reply was
cut off; and which verdict pays."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

import orjson

from prefline.config import ComparingJudge, Judge, ModelJudge
from prefline.llm import Failure, Outcome, Reply, Request, Sampling, Steps
from prefline.tables import Rejection
from prefline.tables.messages import Message
from tasks.judge.comparisons import Comparison
from tasks.judge.results import JudgeTask, Judgment, Verdict, failed_judgment
from tasks.judge.verdict_parser import (
    LETTERS,
    TIE,
    TOP_LOGPROBS,
    VERDICT_KEY,
    is_cut_off,
    parse_letter,
)

_LEAST_JSON_TOKENS = 24  # that a verdict in JSON takes


class Answered(NamedTuple):
    """The answer of a judge to one question: `replies` in the order of the calls, of which the last
    one counts, or the `failure` of a call."""

    replies: tuple[Reply, ...] = ()
    failure: Failure | None = None

    @classmethod
    def of(cls, outcome: Outcome) -> Answered:
        """Return what one call came to."""
        return cls(failure=outcome) if isinstance(outcome, Failure) else cls((outcome,))

    @property
    def last(self) -> Reply:
        """The reply that counts."""
        return self.replies[-1]


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
    max_tokens, response_format = judge.letter_tokens, None
    if judge.structured:
        max_tokens = max(max_tokens, _LEAST_JSON_TOKENS)
        letters = [*LETTERS, TIE] if judge.ties else [*LETTERS]
        verdict = {"type": "string", "enum": letters}
        response_format = json_schema("verdict", {VERDICT_KEY: verdict})
    return Request(
        judge.endpoint.model,
        tuple(messages),
        _greedy(max_tokens),
        top_logprobs=TOP_LOGPROBS,
        response_format=response_format,
    )


def json_schema(name: str, properties: Mapping[str, object]) -> str:
    """Return the response format of an object with these properties, and all of them."""
    schema = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
    named = {"name": name, "strict": True, "schema": schema}
    return orjson.dumps({"type": "json_schema", "json_schema": named}).decode()


def ask(judge: ModelJudge, request: Request, cut_off: Callable[[Reply], bool]) -> Steps[Answered]:
    """Make a call; once more with twice the tokens where its reply was `cut_off` before it was
    complete, and params allow it."""
    outcome = yield request
    if isinstance(outcome, Failure) or not (judge.ask_again and cut_off(outcome)):
        return Answered.of(outcome)
    longer = replace(request.sampling, max_tokens=2 * request.sampling.max_tokens)
    again = yield replace(request, sampling=longer)
    if isinstance(again, Failure):
        return Answered((outcome,), again)
    return Answered((outcome, again))


def letter_task(
    judge: ComparingJudge,
    messages: Iterable[Message],
    comparison: Comparison,
    principle: str | None = None,
) -> JudgeTask:
    """Ask for a letter: the verdict on the comparison that the messages show."""
    answered, verdict = yield from ask_letter(judge, messages, comparison)
    if answered.failure:
        return [failed_judgment(judge, comparison, answered.failure, principle)]
    assert verdict is not None
    return [Judgment(comparison, verdict, answered.replies, principle=principle)]


def ask_letter(
    judge: ComparingJudge, messages: Iterable[Message], comparison: Comparison
) -> Steps[tuple[Answered, Verdict | None]]:
    """Ask for a letter on the comparison that the messages show: what was answered, and the verdict
    in it; None where a call failed."""
    read: list[tuple[Reply, Verdict]] = []

    def lacks_its_end(reply: Reply) -> bool:
        verdict = read_letter(judge, reply, comparison)
        read.append((reply, verdict))
        return is_cut_off(verdict)

    answered = yield from ask(judge, letter_request(judge, messages), lacks_its_end)
    if answered.failure:
        return answered, None
    if read and read[-1][0] is answered.last:
        return answered, read[-1][1]
    return answered, read_letter(judge, answered.last, comparison)


def read_letter(judge: ComparingJudge, reply: Reply, comparison: Comparison) -> Verdict:
    """Return the verdict of a reply on a comparison."""
    return parse_letter(reply, ties=judge.ties, candidates=texts_of(comparison))


def texts_of(comparison: Comparison) -> tuple[str, str]:
    """Return the two texts that a comparison shows, first and second."""
    return comparison.first.text, comparison.second.text


def answered_on(
    judge: Judge, comparison: Comparison, answers: Mapping[str, Answered]
) -> list[Answered] | Rejection:
    """Return what was answered on the first and the second response, of the answers by response;
    a rejection of the comparison if there is none on either."""
    sides = [answers[side.response_id] for side in (comparison.first, comparison.second)]
    for answered in sides:
        if answered.failure:
            return failed_judgment(judge, comparison, answered.failure)
    return sides


def charge(replies: Sequence[Reply], charged: set[str]) -> tuple[tuple[Reply, ...], int]:
    """Return the replies behind a verdict, those that it is charged with first, and how many these
    are: each call is charged to the first verdict that rests on it. The keys of those are added to
    `charged`."""
    fresh = [reply for reply in replies if reply.request.key not in charged]
    known = [reply for reply in replies if reply.request.key in charged]
    charged |= {reply.request.key for reply in fresh}
    return (*fresh, *known), len(fresh)


@lru_cache(maxsize=64)
def _greedy(max_tokens: int) -> Sampling:
    return Sampling(temperature=0.0, top_p=1.0, max_tokens=max_tokens, seed=0)
