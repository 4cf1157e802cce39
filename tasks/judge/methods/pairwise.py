"""Judging by asking a model which of two answers is better, in one letter."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prefline.config import PairwiseJudge
from tasks.judge.comparisons import Comparison
from tasks.judge.kit import Kit
from tasks.judge.methods.asking import hear_letter
from tasks.judge.methods.sheet import letter_brief, sheet, shown_examples
from tasks.judge.ruling import Hearing


def hearings(judge: PairwiseJudge, kit: Kit, plan: Iterable[Comparison]) -> Iterator[Hearing]:
    """One for each comparison, of one call."""
    brief = letter_brief(ties=judge.ties)
    shown = shown_examples(brief, kit.examples)
    for comparison in plan:
        yield hear_letter(judge, [*shown, sheet(brief, comparison)], comparison)
