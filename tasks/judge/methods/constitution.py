"""Judging method `constitution`: by written principles (Bai et al. 2022, arXiv 2212.08073)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from prefline.config import PrincipledJudge
from prefline.config.principles import Principle, draw_principle, read_principles
from prefline.sources import watched_file
from tasks.judge.calls import letter_task
from tasks.judge.comparisons import Comparison, Plan
from tasks.judge.context import JudgeContext
from tasks.judge.judge_prompt import COMPARING, Slot
from tasks.judge.methods import JudgingMethod
from tasks.judge.prompt_template import ComparisonPrompts, letter_instructions
from tasks.judge.results import JudgeTask

_BY = "Say which answer is better by this principle, and by nothing else: {choose} Their order \
does not matter."


class ConstitutionJudge(PrincipledJudge):
    """A judge of which answer better follows a written principle."""

    method: Literal["constitution"]
    draw: Literal["one", "all"] = Field(
        "one", description="one principle drawn for each pair, or every one of them"
    )


class Constitution(JudgingMethod[ConstitutionJudge]):
    """One call for each comparison and principle.

    Where one principle is drawn for each pair, by hash, both orders are judged by the same.
    Where all are asked, the label model takes the mean of what they say. `context.material` holds
    the principles.
    """

    params = ConstitutionJudge
    slots = (*COMPARING, Slot("principle", "which answer to choose", required=True))
    asks = "which answer better follows a principle of a file in `data/principles`"
    says = (
        "the letter, as with `pairwise`; the principle's id in `principle`, with `draw: all` a row "
        "for each principle (Bai et al. 2022, arXiv 2212.08073)"
    )

    def read(
        self, judge: ConstitutionJudge, root: Path, responses: Iterable[Mapping[str, Any]]
    ) -> tuple[Principle, ...]:
        """Read the principles."""
        return read_principles(watched_file(root, judge.principles, "data/principles"))

    def judge_tasks(
        self, judge: ConstitutionJudge, context: JudgeContext, comparisons: Iterable[Comparison]
    ) -> Iterator[JudgeTask]:
        """Yield one for each comparison and principle."""
        for comparison in comparisons:
            for principle in _principles_for(judge, context, comparison):
                better = _BY.format(choose=principle.choose)
                instructions = letter_instructions(
                    better, ties=judge.ties, structured=judge.structured
                )
                words = {"principle": principle.choose}
                prompts = ComparisonPrompts(judge, context, instructions, words)
                before = prompts.with_examples(context.examples)
                messages = [*before, prompts.shown(comparison)]
                yield letter_task(judge, messages, comparison, principle.id)

    def calls(self, judge: ConstitutionJudge, context: JudgeContext, comparisons: Plan) -> int:
        """Return one for each comparison and principle."""
        return len(comparisons) * (len(context.material) if judge.draw == "all" else 1)

    def costliest(self, judge: ConstitutionJudge, context: JudgeContext) -> JudgeContext:
        """Return the context with the longest principle alone, where one is drawn."""
        if judge.draw == "all":
            return context
        longest = max(context.material, key=lambda principle: len(principle.choose))
        return replace(context, material=(longest,))

    def wording(self, judge: ConstitutionJudge, context: JudgeContext, sample: Comparison) -> Any:
        """Return the question by every principle, whether one is drawn or all are asked."""
        every = judge.model_copy(update={"draw": "all"})
        return super().wording(every, context, sample)


def _principles_for(
    judge: ConstitutionJudge, context: JudgeContext, comparison: Comparison
) -> Sequence[Principle]:
    """Return the principles that a pair is judged by."""
    principles: tuple[Principle, ...] = context.material
    if judge.draw == "all":
        return principles
    return [draw_principle(principles, context.seed, judge.name, comparison.pair_id)]
