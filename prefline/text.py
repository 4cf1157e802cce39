"""Texts of others made safe to keep and to show, and counts in words.

Data, replies and foreign stores may hold anything. What goes to a terminal passes `visible`, what
goes into XML or HTML `xml_text`, each once, where it leaves.
"""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any

# Unicode's general categories of what cannot be seen: controls (a terminal's escapes among them),
# marks that turn the writing direction, halves of surrogate pairs, line ends of other systems.
_UNSEEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
# Everything that XML 1.0 does not allow (https://www.w3.org/TR/xml/#charsets).
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def without_surrogates(text: str) -> str:
    """Return a text with U+FFFD for each half of a surrogate pair, which UTF-8 cannot hold."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def number_of(count: int, noun: str, plural: str | None = None) -> str:
    """Return a count with its noun: "1 pair", "2,000 pairs"."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def visible(text: str) -> str:
    """Spell out what cannot be seen of a text, as JSON's escapes; line ends and tabs stay."""
    return "".join(_spelled(letter) for letter in text)


def _spelled(letter: str) -> str:
    if letter in "\n\t" or unicodedata.category(letter) not in _UNSEEN:
        return letter
    # JSON leaves what is printed as it is, and DEL.
    return json.dumps(letter).strip('"') if letter != "\x7f" else "\\u007f"


def xml_text(value: Any) -> Any:
    """Return a text, or a JSON document with all texts in it, with the replacement character for
    each character that XML does not allow."""
    if isinstance(value, str):
        # What has nothing to replace stays the object that it is, such as markup.
        return _NOT_XML.sub("\ufffd", value) if _NOT_XML.search(value) else value
    if isinstance(value, dict):
        return {xml_text(name): xml_text(item) for name, item in value.items()}
    if isinstance(value, list):
        return [xml_text(item) for item in value]
    return value
