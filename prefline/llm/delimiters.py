"""Delimiters around texts in a prompt, which the texts cannot forge."""

from __future__ import annotations

import re
import unicodedata

from prefline.ids import content_id

# Wide on purpose: what only resembles a delimiter, or what a judge is asked at the end of its
# prompt, costs a hash, no more. In a text that is folded.
_LIKE_DELIMITER = re.compile(
    r"[\[\u3010\u3014(<{][\W_]{0,5}(end[\W_]{0,5}(of[\W_]{0,5})?)?(the[\W_]{0,5})?(right[\W_]{0,5})?"
    r"(question|answer)|which[\W_]{1,5}(answer|response)[\W_]{1,5}is[\W_]{1,5}better"
    r"|^[^\w\n]*answer[^\w\n]{0,5}[ab12][^\w\n]*$",
    re.MULTILINE,
)
# Cyrillic, Greek and other letters that look like Latin ones.
LOOKALIKES = str.maketrans(
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u0501\u04bb\u051d\u0261\u0454"
    "\u03bf\u03b1\u03b5\u03b9\u03bd\u03c1\u03c4\u03c5\u03ba\u03c7\u0131\u03b7\u043f\u0578\u051b\u043a\u043c\u0442\u0432\u043d\u0433"
    "\u1d00\u0299\u1d04\u1d05\u1d07\u0262\u029c\u026a\u1d0a\u1d0b\u029f\u1d0d\u0274\u1d0f\u1d18\u0280\ua731\u1d1b\u1d1c\u1d20\u1d21\u028f\u1d22",
    "aeopcyxijsdhwgeoaeivptukxinnnqkmtbhrabcdeghijklmnoprstuvwyz",
)  # fmt: skip
# The first delimiter of a prompt: `[question]`, or with a tag, on a line of its own.
_FIRST_DELIMITER = re.compile(r"^\[(?!end )[a-z' ]{1,40}?(?: [0-9a-f]{16})?\]$", re.MULTILINE)


def delimiter_tag(*texts: str) -> str:
    """Return what tells the delimiters from the texts: nothing, unless a text holds something that
    looks like a delimiter; then a hash of all texts, which none of them can contain."""
    if not any(_LIKE_DELIMITER.search(_folded(text)) for text in texts):
        return ""
    return f" {content_id(*texts)}"


def _folded(text: str) -> str:
    """Return a text as it looks: without accents and what prints nothing, other alphabets' letters
    as the Latin ones that they resemble, in lower case."""
    if text.isascii():
        return text.lower()
    apart = unicodedata.normalize("NFKD", text).casefold()
    seen = "".join(sign for sign in apart if unicodedata.category(sign) not in ("Mn", "Me", "Cf"))
    return seen.translate(LOOKALIKES)


def constant_head(prompt: str) -> str:
    """Return what stands before the first delimiter of a prompt: its instructions, which many
    prompts share. Empty where there is no delimiter."""
    first = _FIRST_DELIMITER.search(prompt)
    return prompt[: first.start()] if first else ""
