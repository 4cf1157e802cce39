"""What a check found, and how a reply is read before it is checked."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

_FENCE = re.compile(r"\A```[a-zA-Z]*\n(.*?)\n?```\Z", re.DOTALL)
_WRAPPING = "\"'`*_ \t\n“”‘’"


@dataclass(frozen=True, slots=True)
class Check:
    """Whether a response passed, and in a few words why or why not."""

    passed: bool
    why: str


def normalise(text: str) -> str:
    """A reply without what wraps it: white space, quotes, emphasis, a final full stop; NFC."""
    bare = unicodedata.normalize("NFC", text).strip(_WRAPPING)
    return " ".join(bare.removesuffix(".").strip(_WRAPPING).split())


def without_fence(text: str) -> str:
    """A reply without the code fence around all of it, if there is one."""
    fenced = _FENCE.match(text.strip())
    return fenced[1] if fenced else text.strip()


def excerpt(text: str) -> str:
    """The beginning of a text, for a message."""
    flat = " ".join(text.split())
    return repr(flat if len(flat) <= 40 else f"{flat[:40]}...")  # noqa: PLR2004
