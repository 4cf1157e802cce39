"""Judging by a programmatic check: a response that passes is better than one that fails."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prefline.config import VerifierJudge
from prefline.verifiers import check, parse_verifier
from tasks.judge.comparisons import Comparison
from tasks.judge.kit import Kit
from tasks.judge.ruling import Hearing, Judged, Ruling, Verdict


def hearings(judge: VerifierJudge, kit: Kit, plan: Iterable[Comparison]) -> Iterator[Hearing]:
    """One for each comparison; no model is asked."""
    del judge, kit
    return (_hearing(comparison) for comparison in plan)


def applies(kit: Kit, comparison: Comparison) -> bool:
    """Whether the prompt has a check."""
    del kit
    return comparison.prompt.verifier is not None


def verify(comparison: Comparison) -> Verdict:
    """The verdict of the prompt's own check; a tie where both pass or both fail."""
    assert comparison.prompt.verifier is not None
    verifier = parse_verifier(comparison.prompt.verifier)
    first = check(verifier, comparison.first.text)
    second = check(verifier, comparison.second.text)
    why = f"first {_word(first.passed)}: {first.why}; second {_word(second.passed)}: {second.why}"
    if first.passed == second.passed:
        return Verdict("tie", 0.5, why)
    return Verdict("first", 1.0, why) if first.passed else Verdict("second", 0.0, why)


def _hearing(comparison: Comparison) -> Hearing:
    ruling: Ruling = [Judged(comparison, verify(comparison))]
    return ruling
    yield  # what makes it a dialogue, of no calls


def _word(passed: bool) -> str:
    return "passes" if passed else "fails"
