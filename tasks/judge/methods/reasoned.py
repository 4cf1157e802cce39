"""Judging with the reasons first: they in one call, the letter in the next.

The two-step form of RLAIF (Lee et al. 2023, arXiv 2309.00267): since the letter has a call of
its own, its log-probabilities are as usable as without reasons.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from prefline.config import ReasonedJudge
from prefline.llm import Failure
from prefline.tables.messages import Message
from tasks.judge.comparisons import Comparison
from tasks.judge.examples import Example
from tasks.judge.kit import Kit
from tasks.judge.methods.asking import letter_request, text_request
from tasks.judge.methods.letters import read_letter
from tasks.judge.methods.sheet import BETTER, Brief, ask_letter, letter_for, said, sheet
from tasks.judge.ruling import Hearing, Judged, Verdict, lost

_BRIEF = Brief(
    f"{BETTER} You are asked for your reasons first, and for the verdict after them.",
    "What is right, what is wrong and what is missing in each of the two answers? Say it in a few "
    "sentences, and name no winner yet.",
)


def hearings(judge: ReasonedJudge, kit: Kit, plan: Iterable[Comparison]) -> Iterator[Hearing]:
    """One for each comparison, of two calls."""
    ask = Message(role="user", content=f"{ask_letter(ties=judge.ties)} Reply with the letter only.")
    shown = [turn for example in kit.examples for turn in _turns(example, ask)]
    for comparison in plan:
        yield _hearing(judge, comparison, [*shown, sheet(_BRIEF, comparison)], ask)


def calls(judge: ReasonedJudge, kit: Kit, plan: Sequence[Comparison]) -> int:
    """Two for each comparison."""
    del judge, kit
    return 2 * len(plan)


def _turns(example: Example, ask: Message) -> list[Message]:
    letter = said(letter_for(example.verdict))
    if not example.reasons:
        return [sheet(Brief(_BRIEF.task, ask["content"]), example.comparison), letter]
    return [sheet(_BRIEF, example.comparison), said(example.reasons), ask, letter]


def _hearing(
    judge: ReasonedJudge, comparison: Comparison, messages: Sequence[Message], ask: Message
) -> Hearing:
    reasons = yield text_request(judge, messages, judge.max_tokens)
    if isinstance(reasons, Failure):
        return [lost(judge, comparison, reasons)]
    if not reasons.text.strip():
        return [Judged(comparison, Verdict("invalid", None, reasons.text), (reasons,))]
    letter = yield letter_request(judge, [*messages, said(reasons.text), ask])
    if isinstance(letter, Failure):
        return [lost(judge, comparison, letter)]
    verdict = with_reasons(read_letter(letter, ties=judge.ties), reasons.text)
    return [Judged(comparison, verdict, (reasons, letter))]


def with_reasons(verdict: Verdict, reasons: str) -> Verdict:
    """The verdict with the reasons before it; the raw reply of an invalid one stays at the end."""
    raw = f"\n\n{verdict.rationale}" if verdict.side == "invalid" else ""
    return replace(verdict, rationale=reasons.strip() + raw)
