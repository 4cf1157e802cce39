"""Faults that one look at a prompt can tell."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection

from prefline.filters.language import language_of

Find = Callable[[str], str | None]
"""Gives a text's fault in a few words, None where it has none."""

# U+FFFD is what decoders write for bytes that they cannot read; the others are noncharacters and
# halves of surrogate pairs, which no text has.
_BROKEN = re.compile("[\ufffd\ufffe\uffff\ud800-\udfff\ufdd0-\ufdef]")
# How UTF-8 looks that was read as Latin-1 or Windows-1252: two letters that no language has so.
_MOJIBAKE = ("\u00c3\u00a9", "\u00c3\u00a4", "\u00c3\u00b6", "\u00c3\u00bc", "\u00c3\u00b1",
             "\u00c3\u00a8", "\u00c3\u0178", "\u00e2\u20ac\u2122", "\u00e2\u20ac\u0153",
             "\u00e2\u20ac\u201c", "\u00c2\u00a0", "\u00ef\u00bb\u00bf")  # fmt: skip


def empty(text: str) -> str | None:
    """A text without a character that is seen."""
    return None if text.strip() else "nothing but white space"


def longer_than(characters: int) -> Find:
    """A text of more characters than that."""

    def find(text: str) -> str | None:
        return f"{len(text):,} characters" if len(text) > characters else None

    return find


def broken_unicode(text: str) -> str | None:
    """Text that was decoded wrongly somewhere on its way."""
    if bad := _BROKEN.search(text):
        return f"U+{ord(bad[0]):04X} at character {bad.start() + 1}"
    found = next((marks for marks in _MOJIBAKE if marks in text), None)
    return f"{found!r}: UTF-8 that was read as another encoding" if found else None


def in_other_language(wanted: Collection[str], least_letters: int) -> Find:
    """A text in none of the languages (ISO 639-1). What has fewer letters is not judged: of a few
    words nobody can tell."""

    def find(text: str) -> str | None:
        if sum(map(str.isalpha, text)) < least_letters:
            return None
        found = language_of(text)
        return None if found in wanted else f"is in {found}"

    return find
