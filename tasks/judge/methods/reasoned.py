"""Judging method `reasoned`: the reasons in one call, the letter in the next.

The two-step form of RLAIF (Lee et al. 2023, arXiv 2309.00267): since the letter has a call of
its own, its log-probabilities are as usable as without reasons.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from pydantic import Field

from prefline.config import ComparingJudge
from prefline.llm import Failure
from prefline.tables.messages import Message
from tasks.judge.calls import ask_letter, text_request
from tasks.judge.comparisons import Comparison, Plan
from tasks.judge.context import Example, JudgeContext
from tasks.judge.judge_prompt import COMPARING
from tasks.judge.methods import JudgingMethod
from tasks.judge.own_words import own_words, without_reasoning
from tasks.judge.prompt_template import (
    BETTER,
    ComparisonPrompts,
    Instructions,
    comparison_prompt,
    judge_turn,
    letter_question,
    verdict_turn,
)
from tasks.judge.results import JudgeTask, Judgment, Verdict, failed_judgment
from tasks.judge.verdict_parser import invalid, letter_for

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
    slots = COMPARING
    asks = "for reasons in one call, for the letter in the next"
    says = "the letter, as with `pairwise`; the reasons in `rationale`"

    def judge_tasks(
        self, judge: ReasonedJudge, context: JudgeContext, comparisons: Iterable[Comparison]
    ) -> Iterator[JudgeTask]:
        """Yield one for each comparison."""
        form = "JSON" if judge.structured else "the letter"
        question = f"{letter_question(ties=judge.ties)} Reply with {form} only."
        then = Message(role="user", content=question)
        prompts = ComparisonPrompts(judge, context, _INSTRUCTIONS)
        if context.prompt is not None:
            then = context.prompt.verdict_turn(prompts.words) or then
        before = [*prompts.opening]
        for example in context.examples:
            before += _turns(example, then, judge, prompts)
        for comparison in comparisons:
            yield _task(judge, comparison, [*before, prompts.shown(comparison)], then)

    def calls(self, judge: ReasonedJudge, context: JudgeContext, comparisons: Plan) -> int:
        """Return two for each comparison."""
        return 2 * len(comparisons)


def _turns(
    example: Example, then: Message, judge: ReasonedJudge, prompts: ComparisonPrompts
) -> list[Message]:
    letter = verdict_turn(letter_for(example.verdict), structured=judge.structured)
    if not example.reasons:
        at_once = Instructions(_INSTRUCTIONS.task, then["content"])
        return [comparison_prompt(at_once, example.comparison), letter]
    shown = prompts.shown(example.comparison)
    return [shown, judge_turn(example.reasons), then, letter]


def _task(
    judge: ReasonedJudge, comparison: Comparison, messages: Sequence[Message], then: Message
) -> JudgeTask:
    reasons = yield text_request(judge, messages, judge.max_tokens)
    if isinstance(reasons, Failure):
        return [failed_judgment(judge, comparison, reasons)]
    said = without_reasoning(reasons.text)
    if not said.strip():
        verdict = invalid(reasons, own_words(reasons.text), reasons.text)
        return [Judgment(comparison, verdict, (reasons,))]
    turns = [*messages, judge_turn(said), then]
    letter, by_letter = yield from ask_letter(judge, turns, comparison)
    if letter.failure:
        return [failed_judgment(judge, comparison, letter.failure)]
    assert by_letter is not None
    return [Judgment(comparison, _with_reasons(by_letter, said), (reasons, *letter.replies))]


def _with_reasons(verdict: Verdict, reasons: str) -> Verdict:
    """Put the reasons before a verdict; the raw reply of an invalid one stays at the end."""
    raw = f"\n\n{verdict.rationale}" if verdict.side == "invalid" else ""
    return verdict._replace(rationale=reasons.strip() + raw)
