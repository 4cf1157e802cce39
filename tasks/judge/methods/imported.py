"""Verdicts that somebody else gave, as a judge's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from prefline.config import ImportedJudge
from tasks.judge.comparisons import Comparison
from tasks.judge.imports import Ids, Word, not_offered
from tasks.judge.kit import Kit
from tasks.judge.ruling import Hearing, Judged, Ruling, Verdict


def hearings(judge: ImportedJudge, kit: Kit, plan: Iterable[Comparison]) -> Iterator[Hearing]:
    """One for each pair, of no calls: its verdicts in the orders in which it was shown; and a
    last one for the rows of the table that belong to no pair of the plan."""
    heard: set[Ids] = set()
    for comparison in plan:
        for one in (comparison, comparison.swapped()):
            heard.add(_ids(one))
        yield _hearing(_said(kit.imported.words, comparison))
    left = [word for ids, word in kit.imported.words.items() if ids not in heard]
    yield _hearing([*kit.imported.strays, *(not_offered(judge, word) for word in left)])


def applies(kit: Kit, comparison: Comparison) -> bool:
    """Whether the table has a verdict on the pair."""
    words = kit.imported.words
    return _ids(comparison) in words or _ids(comparison.swapped()) in words


def _said(words: Mapping[Ids, Word], comparison: Comparison) -> Ruling:
    return [
        Judged(one, Verdict(word.verdict, word.p_first, word.rationale))
        for one in (comparison, comparison.swapped())
        if (word := words.get(_ids(one))) is not None
    ]


def _ids(comparison: Comparison) -> Ids:
    return comparison.first.response_id, comparison.second.response_id


def _hearing(ruling: Ruling) -> Hearing:
    return ruling
    yield  # what makes it a dialogue, of no calls
