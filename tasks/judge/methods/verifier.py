"""Judging method `verifier`: a response that passes a programmatic check is better than one that
fails."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Literal

from prefline.config import Judge
from prefline.verifiers import RULES, Check, check, check_side_by_side, parse_verifier
from tasks.judge.comparisons import Comparison, Plan, answers_of, by_prompt
from tasks.judge.context import JudgeContext
from tasks.judge.methods import JudgingMethod
from tasks.judge.results import JudgeTask, Judgment, Verdict, without_calls


class VerifierJudge(Judge):
    """The prompt's own programmatic check, where it has one."""

    method: Literal["verifier"]


class VerifierMethod(JudgingMethod[VerifierJudge]):
    """No calls."""

    params = VerifierJudge
    asks = "no model: the prompt's own check (docs/prompts.md lists the kinds)"
    says = "the response that passes; a tie where both do or neither does"
    sees_order = False
    one_task_per_order = False

    def judge_tasks(
        self, judge: VerifierJudge, context: JudgeContext, comparisons: Iterable[Comparison]
    ) -> Iterator[JudgeTask]:
        """Yield one for each comparison; what costs time is checked prompt by prompt, at once."""
        for of_prompt in by_prompt(comparisons):
            verifier = parse_verifier(of_prompt[0].prompt.verifier or "")
            check_side_by_side(verifier, (one.answer for one in answers_of(of_prompt)))
            for comparison in of_prompt:
                yield without_calls([Judgment(comparison, verify(comparison))])

    def applies(self, context: JudgeContext, comparison: Comparison) -> bool:
        """Return whether the prompt has a check."""
        return comparison.prompt.verifier is not None

    def calls(self, judge: VerifierJudge, context: JudgeContext, comparisons: Plan) -> int:
        """Return none."""
        return 0

    def wording(self, judge: VerifierJudge, context: JudgeContext, sample: Comparison) -> Any:
        """Return the version of the checks."""
        return {"rules": RULES}


def verify(comparison: Comparison) -> Verdict:
    """Return the verdict of the prompt's own check: a tie where both pass or both fail, invalid
    where it cannot tell."""
    assert comparison.prompt.verifier is not None
    verifier = parse_verifier(comparison.prompt.verifier)
    first = check(verifier, comparison.first.answer)
    second = check(verifier, comparison.second.answer)
    why = f"first {_outcome(first)}: {first.why}; second {_outcome(second)}: {second.why}"
    if first.undecided or second.undecided:
        return Verdict("invalid", None, why)
    if first.passed == second.passed:
        return Verdict("tie", 0.5, why)
    return Verdict("first", 1.0, why) if first.passed else Verdict("second", 0.0, why)


def _outcome(result: Check) -> str:
    if result.undecided:
        return "cannot be checked"
    return "passes" if result.passed else "fails"
