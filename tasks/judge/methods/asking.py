"""Asking a model: for words, or for a letter that is a verdict."""

from __future__ import annotations

from collections.abc import Iterable

from prefline.config import ComparingJudge, ModelJudge
from prefline.llm import Failure, Request, Sampling
from prefline.tables.messages import Message
from tasks.judge.comparisons import Comparison
from tasks.judge.methods.letters import TOP, read_letter
from tasks.judge.ruling import Hearing, Judged, lost


def text_request(
    judge: ModelJudge,
    messages: Iterable[Message],
    max_tokens: int,
    response_format: str | None = None,
) -> Request:
    """A greedy call for words, or for JSON of a schema."""
    sampling = _greedy(max_tokens)
    return Request(judge.endpoint.model, tuple(messages), sampling, response_format=response_format)


def letter_request(judge: ComparingJudge, messages: Iterable[Message]) -> Request:
    """A greedy call for a letter, with the log-probabilities of its candidates."""
    sampling = _greedy(judge.letter_tokens)
    return Request(judge.endpoint.model, tuple(messages), sampling, top_logprobs=TOP)


def hear_letter(
    judge: ComparingJudge,
    messages: Iterable[Message],
    comparison: Comparison,
    principle: str | None = None,
) -> Hearing:
    """Ask for a letter: the verdict on the comparison that the messages show."""
    outcome = yield letter_request(judge, messages)
    if isinstance(outcome, Failure):
        return [lost(judge, comparison, outcome, principle)]
    verdict = read_letter(outcome, ties=judge.ties)
    return [Judged(comparison, verdict, (outcome,), principle=principle)]


def _greedy(max_tokens: int) -> Sampling:
    return Sampling(temperature=0.0, top_p=1.0, max_tokens=max_tokens, seed=0)
