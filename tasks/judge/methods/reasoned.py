"""Judging method `reasoned`: the reasons in one call, the letter in the next.

The two-step form of RLAIF (Lee et al. 2023, arXiv 2309.00267): since the letter has a call of
its own, its log-probabilities are as usable as without reasons.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Literal

from pydantic import Field

from prefline.config import ComparingJudge
from prefline.llm import Failure
from prefline.tables.messages import Message
from tasks.judge.calls import letter_request, text_request
from tasks.judge.comparisons import Comparison
from tasks.judge.context import Example, JudgeContext
from tasks.judge.methods import JudgingMethod
from tasks.judge.prompt_template import (
    BETTER,
    Instructions,
    comparison_prompt,
    judge_turn,
    letter_question,
)
from tasks.judge.results import JudgeTask, Judgment, Verdict, failed_judgment
from tasks.judge.verdict_parser import letter_for, parse_letter

_INSTRUCTIONS = Instructions(
    f"{BETTER} You are asked for your reasons first, and for the verdict after them.",
    "What is right, what is wrong and what is missing in each of the two answers? Say it in a few "
    "sentences, and name no winner yet.",
)


class ReasonedJudge(ComparingJudge):
    """The reasons first, then the letter in a call of its own."""

    method: Literal["reasoned"]
    max_tokens: int = Field(512, ge=1, description="of the reasons")


class Reasoned(JudgingMethod[ReasonedJudge]):
    """Two calls for each comparison."""

    params = ReasonedJudge
    asks = "for reasons in one call, for the letter in the next"
    says = "the letter, as with `pairwise`; the reasons in `rationale`"

    def judge_tasks(
        self, judge: ReasonedJudge, context: JudgeContext, comparisons: Iterable[Comparison]
    ) -> Iterator[JudgeTask]:
        """Yield one for each comparison."""
        question = f"{letter_question(ties=judge.ties)} Reply with the letter only."
        ask = Message(role="user", content=question)
        examples = [turn for example in context.examples for turn in _turns(example, ask)]
        for comparison in comparisons:
            messages = [*examples, comparison_prompt(_INSTRUCTIONS, comparison)]
            yield _task(judge, comparison, messages, ask)

    def calls(
        self, judge: ReasonedJudge, context: JudgeContext, comparisons: Sequence[Comparison]
    ) -> int:
        """Return two for each comparison."""
        return 2 * len(comparisons)


def _turns(example: Example, ask: Message) -> list[Message]:
    letter = judge_turn(letter_for(example.verdict))
    if not example.reasons:
        at_once = Instructions(_INSTRUCTIONS.task, ask["content"])
        return [comparison_prompt(at_once, example.comparison), letter]
    prompt = comparison_prompt(_INSTRUCTIONS, example.comparison)
    return [prompt, judge_turn(example.reasons), ask, letter]


def _task(
    judge: ReasonedJudge, comparison: Comparison, messages: Sequence[Message], ask: Message
) -> JudgeTask:
    reasons = yield text_request(judge, messages, judge.max_tokens)
    if isinstance(reasons, Failure):
        return [failed_judgment(judge, comparison, reasons)]
    if not reasons.text.strip():
        return [Judgment(comparison, Verdict("invalid", None, reasons.text), (reasons,))]
    letter = yield letter_request(judge, [*messages, judge_turn(reasons.text), ask])
    if isinstance(letter, Failure):
        return [failed_judgment(judge, comparison, letter)]
    verdict = _with_reasons(parse_letter(letter, ties=judge.ties), reasons.text)
    return [Judgment(comparison, verdict, (reasons, letter))]


def _with_reasons(verdict: Verdict, reasons: str) -> Verdict:
    """Put the reasons before a verdict; the raw reply of an invalid one stays at the end."""
    raw = f"\n\n{verdict.rationale}" if verdict.side == "invalid" else ""
    return replace(verdict, rationale=reasons.strip() + raw)
