"""Responses that refuse, and those that only ask for what is missing."""

from __future__ import annotations

from tasks.judge.patterns import PatternFile

_PATTERNS = PatternFile("refusals")
_OPENING = 240  # characters in which a refusal shows itself
_MOST_WORDS = 130  # a longer text says more than no
_MOST_ASKING = 80  # words of a text that only asks for more


def is_refusal(text: str) -> bool:
    """Return whether a response is no more than a refusal to answer, by its opening words.

    A refusal that goes on to help, with an offer, a list or code, is an answer.
    """
    text = text.replace("\u2019", "'").strip()
    if not _PATTERNS["refusal"].search(text[:_OPENING]):
        return False
    return len(text.split()) <= _MOST_WORDS and not _PATTERNS["help_after_all"].search(text)


def is_boilerplate(text: str) -> bool:
    """Return whether a text is honestly the same for many prompts: a refusal, or a question for
    what is missing."""
    asks = (
        len(text) <= 12 * _MOST_ASKING
        and len(text.split()) <= _MOST_ASKING
        and _PATTERNS["asks_for_more"].search(text) is not None
    )
    return asks or is_refusal(text)
