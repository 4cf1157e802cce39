"""Judging method `pairwise`: a model is asked which of two answers is better, in one letter."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prefline.config import PairwiseJudge
from tasks.judge.calls import letter_task
from tasks.judge.comparisons import Comparison
from tasks.judge.context import JudgeContext
from tasks.judge.judge_prompt import COMPARING
from tasks.judge.methods import JudgingMethod
from tasks.judge.prompt_template import ComparisonPrompts, letter_instructions
from tasks.judge.results import JudgeTask


class Pairwise(JudgingMethod[PairwiseJudge]):
    """One call for each comparison."""

    params = PairwiseJudge
    slots = COMPARING
    asks = "which of two answers is better, in one letter"
    says = (
        "the letter; `p_first` by softmax over the letters' log-probabilities (Lee et al. 2023, "
        "arXiv 2309.00267)"
    )

    def judge_tasks(
        self, judge: PairwiseJudge, context: JudgeContext, comparisons: Iterable[Comparison]
    ) -> Iterator[JudgeTask]:
        """Yield one for each comparison."""
        instructions = letter_instructions(ties=judge.ties, structured=judge.structured)
        prompts = ComparisonPrompts(judge, context, instructions)
        before = prompts.with_examples(context.examples)
        for comparison in comparisons:
            yield letter_task(judge, [*before, prompts.shown(comparison)], comparison)
