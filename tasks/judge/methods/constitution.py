"""Judging by written principles (Constitutional AI, Bai et al. 2022, arXiv 2212.08073)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from prefline.config import ConstitutionJudge
from prefline.config.principles import Principle, draw_principle
from tasks.judge.comparisons import Comparison
from tasks.judge.kit import Kit
from tasks.judge.methods.asking import hear_letter
from tasks.judge.methods.sheet import letter_brief, sheet, shown_examples
from tasks.judge.ruling import Hearing

_BY = "Say which answer is better by this principle, and by nothing else: {choose} Their order \
does not matter."


def hearings(judge: ConstitutionJudge, kit: Kit, plan: Iterable[Comparison]) -> Iterator[Hearing]:
    """One for each comparison and principle, of one call.

    Where one principle is drawn for each pair, by hash, both orders are judged by the same.
    Where all are asked, the label model takes the mean of what they say.
    """
    for comparison in plan:
        for principle in principles_for(judge, kit, comparison):
            brief = letter_brief(_BY.format(choose=principle.choose), ties=judge.ties)
            messages = [*shown_examples(brief, kit.examples), sheet(brief, comparison)]
            yield hear_letter(judge, messages, comparison, principle.id)


def calls(judge: ConstitutionJudge, kit: Kit, plan: Sequence[Comparison]) -> int:
    """One for each comparison and principle."""
    return len(plan) * (len(kit.principles) if judge.draw == "all" else 1)


def principles_for(
    judge: ConstitutionJudge, kit: Kit, comparison: Comparison
) -> Sequence[Principle]:
    """The principles that a pair is judged by."""
    if judge.draw == "all":
        return kit.principles
    return [draw_principle(kit.principles, kit.seed, judge.name, comparison.pair_id)]
