"""The form in which texts are compared, their tokens, and the faults that no prompt may have."""

from __future__ import annotations

import re
import unicodedata

_TOKEN = re.compile(r"\w+|[^\w\s]")
_WORD = re.compile(r"\w+")
_SURROUNDING = " .!?\"'`\u201c\u201d\u2018\u2019"
# U+FFFD is what decoders write for bytes that they cannot read; the others are NUL, noncharacters
# and halves of surrogate pairs, which no text has.
_BROKEN = re.compile("[\x00\ufffd\ufffe\uffff\ud800-\udfff\ufdd0-\ufdef]")
# How UTF-8 looks that was read as Latin-1 or Windows-1252: two letters that no language has so.
_MOJIBAKE = ("\u00c3\u00a9", "\u00c3\u00a4", "\u00c3\u00b6", "\u00c3\u00bc", "\u00c3\u00b1",
             "\u00c3\u00a8", "\u00c3\u0178", "\u00e2\u20ac\u2122", "\u00e2\u20ac\u0153",
             "\u00e2\u20ac\u201c", "\u00c2\u00a0", "\u00ef\u00bb\u00bf")  # fmt: skip


def normalize(text: str) -> str:
    """Return a text without what does not change its meaning: letter case, kinds of white space,
    forms of one character (Unicode NFKC), and full stops and quotes around the whole."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    spaced = " ".join(folded.split())
    # A text of nothing but such marks stays what it is.
    return spaced.strip(_SURROUNDING) or spaced


def tokens(text: str) -> list[str]:
    """Return words and signs in their order: `3 + 5` and `3 - 5` are not the same."""
    return _TOKEN.findall(normalize(text))


def words(text: str) -> list[str]:
    """Return the words alone."""
    return _WORD.findall(normalize(text))


def check_empty(text: str) -> str | None:
    """Return the fault of a text without a visible character."""
    return None if text.strip() else "nothing but white space"


def check_unicode(text: str) -> str | None:
    """Return the fault of a text that was decoded wrongly somewhere on its way."""
    if bad := _BROKEN.search(text):
        return f"U+{ord(bad[0]):04X} at character {bad.start() + 1}"
    sign = next((sign for sign in _MOJIBAKE if sign in text), None)
    return f"{sign!r}: UTF-8 that was read as another encoding" if sign else None


def check_length(text: str, max_characters: int) -> str | None:
    """Return the fault of a text that is too long."""
    return f"{len(text):,} characters" if len(text) > max_characters else None
