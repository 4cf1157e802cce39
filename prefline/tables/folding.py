"""Texts as they look, so that what only resembles a mark is seen as one."""

from __future__ import annotations

import unicodedata

# Cyrillic, Greek and other letters that look like Latin ones.
LOOKALIKES = str.maketrans(
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u0501\u04bb\u051d\u0261\u0454"
    "\u03bf\u03b1\u03b5\u03b9\u03bd\u03c1\u03c4\u03c5\u03ba\u03c7\u0131\u03b7\u043f\u0578\u051b\u043a\u043c\u0442\u0432\u043d\u0433"
    "\u1d00\u0299\u1d04\u1d05\u1d07\u0262\u029c\u026a\u1d0a\u1d0b\u029f\u1d0d\u0274\u1d0f\u1d18\u0280\ua731\u1d1b\u1d1c\u1d20\u1d21\u028f\u1d22",
    "aeopcyxijsdhwgeoaeivptukxinnnqkmtbhrabcdeghijklmnoprstuvwyz",
)  # fmt: skip


def folded(text: str) -> str:
    """Return a text as it looks: without accents and what prints nothing, other alphabets' letters
    as the Latin ones that they resemble, in lower case."""
    if text.isascii():
        return text.lower()
    apart = unicodedata.normalize("NFKD", text).casefold()
    seen = "".join(sign for sign in apart if unicodedata.category(sign) not in ("Mn", "Me", "Cf"))
    return seen.translate(LOOKALIKES)
