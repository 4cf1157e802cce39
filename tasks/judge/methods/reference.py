"""Judging beside a right answer, where the prompt has one (reference-guided, Zheng et al. 2023,
arXiv 2306.05685)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prefline.config import ReferenceJudge
from tasks.judge.comparisons import Comparison
from tasks.judge.kit import Kit
from tasks.judge.methods.asking import hear_letter
from tasks.judge.methods.sheet import letter_brief, sheet, shown_examples
from tasks.judge.ruling import Hearing

_AGREES = (
    "A right answer is shown before them. Say which of the two agrees better with it in what it "
    "states and concludes; other words for the same are as good. Length and order do not matter."
)


def hearings(judge: ReferenceJudge, kit: Kit, plan: Iterable[Comparison]) -> Iterator[Hearing]:
    """One for each comparison, of one call."""
    brief = letter_brief(_AGREES, ties=judge.ties)
    shown = shown_examples(brief, kit.examples)
    for comparison in plan:
        right = comparison.prompt.reference or ""
        yield hear_letter(judge, [*shown, sheet(brief, comparison, right)], comparison)


def applies(kit: Kit, comparison: Comparison) -> bool:
    """Whether the prompt has a reference."""
    del kit
    return bool(comparison.prompt.reference and comparison.prompt.reference.strip())
