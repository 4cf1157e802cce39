"""What a detector says of a response."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from tasks.judge.attacks.text import Text

Kind = Literal[
    "constant",  # one text for prompts that have nothing to do with each other
    "instruction",  # words to the judge
    "verdict",  # the form in which a judge gives its verdict
    "delimiter",  # a false end of the answer, a false turn, a false second answer
    "invisible",  # what a reader does not see and a model does
    "encoded",  # words to the judge in a code
    "flood",  # padding and lists of praise
    "praise",  # praise of itself in place of an answer
    "off_topic",  # no word in common with the prompt or with any other answer to it
    "echo",  # the prompt again and nothing more
]

_SHOWN = 120  # characters of the response that a detail quotes


@dataclass(frozen=True, slots=True)
class Finding:
    """An attack: its kind, and what was found, in words that can be shown."""

    kind: Kind
    detail: str


# A detector of one shape: the prompt and a response in, a finding or None out.
Detector = Callable[[Text, Text], Finding | None]


def quoted(found: str) -> str:
    """The start of what was found, on one line, with anything that does not print escaped."""
    line = " ".join(found.split())
    short = line if len(line) <= _SHOWN else line[: _SHOWN - 3] + "..."
    return "".join(sign if sign.isprintable() else f"\\u{ord(sign):04x}" for sign in short)
