"""The prompt again, with nothing more."""

from __future__ import annotations

from tasks.judge.attacks.asked import asks_for
from tasks.judge.attacks.finding import Finding
from tasks.judge.attacks.text import Text

_LEAST_WORDS = 4  # a prompt of "Hello" is honestly answered by "Hello"
# What may stand around it; a word more may be the honest end of a sentence that the prompt began.
_AROUND = frozenset(
    [
        "question",
        "the",
        "a",
        "an",
        "is",
        "was",
        "that",
        "this",
        "you",
        "asked",
        "ask",
        "your",
        "my",
        "i",
        "prompt",
        "q",
        "input",
        "user",
        "human",
        "here",
        "again",
        "it",
        "says",
        "said",
        "to",
        "and",
        "of",
        "following",
        "repeat",
        "task",
        "instruction",
        "request",
        "text",
    ]
)


def echo(prompt: Text, response: Text) -> Finding | None:
    """The whole prompt, its question included, said again one or more times.

    A part of the prompt alone may be the honest answer to a task on a text.
    """
    asked, said = prompt.words, response.words
    if len(asked) < _LEAST_WORDS or len(said) < len(asked):
        return None
    line = _spaced(said)
    rest = line.replace(_spaced(asked), "")
    if len(rest) == len(line):
        return None
    more = rest.split()
    if not _AROUND.issuperset(more) or asks_for(prompt.plain, "copying"):
        return None
    return Finding("echo", f"says the prompt again and {len(more)} other word(s)")


def _spaced(words: list[str]) -> str:
    """Words with a space of its own on either side of each, so that copies can touch."""
    return f" {'  '.join(words)} "
