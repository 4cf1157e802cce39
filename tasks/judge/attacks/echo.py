"""The prompt again, with nothing more."""

from __future__ import annotations

from tasks.judge.attacks.asked import asks_for
from tasks.judge.attacks.finding import Finding
from tasks.judge.attacks.text import Text

_LEAST_WORDS = 5  # a prompt of "Hello" is honestly answered by "Hello"
_MOST_MORE = 0.2  # share of the prompt's words that may be added, and never fewer than
_FEW = 5


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
    more = len(rest.split())
    if more > max(_FEW, _MOST_MORE * len(asked)) or asks_for(prompt.plain, "copying"):
        return None
    return Finding("echo", f"says the prompt again and {more} other word(s)")


def _spaced(words: list[str]) -> str:
    """Words with a space of its own on either side of each, so that copies can touch."""
    return f" {'  '.join(words)} "
