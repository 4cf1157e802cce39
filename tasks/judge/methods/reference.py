"""Judging method `reference`: beside a right answer, where the prompt has one (reference-guided,
Zheng et al. 2023, arXiv 2306.05685)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

from prefline.config import ComparingJudge
from tasks.judge.calls import letter_task
from tasks.judge.comparisons import Comparison
from tasks.judge.context import JudgeContext
from tasks.judge.judge_prompt import COMPARING, Slot
from tasks.judge.methods import JudgingMethod
from tasks.judge.prompt_template import ComparisonPrompts, letter_instructions
from tasks.judge.results import JudgeTask

_AGREES = (
    "A right answer is shown before them. Say which of the two agrees better with it in what it "
    "states and concludes; other words for the same are as good. Length and order do not matter."
)


class ReferenceJudge(ComparingJudge):
    """A judge of two answers beside a right one; where the prompt has a reference."""

    method: Literal["reference"]


class Reference(JudgingMethod[ReferenceJudge]):
    """One call for each comparison."""

    params = ReferenceJudge
    slots = (*COMPARING, Slot("reference", "a right answer", required=True, is_material=True))
    asks = "which answer agrees better with the prompt's `reference`, where it has one"
    says = "the letter, as with `pairwise` (Zheng et al. 2023, arXiv 2306.05685)"

    def judge_tasks(
        self, judge: ReferenceJudge, context: JudgeContext, comparisons: Iterable[Comparison]
    ) -> Iterator[JudgeTask]:
        """Yield one for each comparison."""
        instructions = letter_instructions(_AGREES, ties=judge.ties, structured=judge.structured)
        prompts = ComparisonPrompts(judge, context, instructions)
        before = prompts.with_examples(context.examples)
        for comparison in comparisons:
            reference = comparison.prompt.reference or ""
            yield letter_task(judge, [*before, prompts.shown(comparison, reference)], comparison)

    def applies(self, context: JudgeContext, comparison: Comparison) -> bool:
        """Return whether the prompt has a reference."""
        return bool(comparison.prompt.reference and comparison.prompt.reference.strip())
