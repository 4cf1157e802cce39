"""Regular expressions of prompts, matched in linear time.

Prompts come from anywhere, and a backtracking engine can be kept busy for years by `(a+)+$`. RE2
(https://github.com/google/re2/wiki/Syntax) takes time linear in the text, and therefore has neither
look-around nor back-references. Its `\\w`, `\\d` and `\\b` are of ASCII; `\\p{L}` is any letter.
"""

from __future__ import annotations

from functools import lru_cache

import re2

from prefline.text import without_surrogates

_MEMORY = 8 << 20  # bytes that one compiled pattern may take


@lru_cache(maxsize=1_000)
def compile_pattern(pattern: str, *, ignore_case: bool = False) -> re2._Regexp[str]:
    """Return a compiled pattern. Raises `ValueError` if RE2 does not take it."""
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY
    options.case_sensitive = not ignore_case
    try:
        compiled: re2._Regexp[str] = re2.compile(pattern, options)
    except (re2.error, UnicodeEncodeError) as error:
        raise ValueError(
            f"is no regular expression of RE2: {_said(error)} (it has no look-around and no "
            "back-references; `constraints` have `forbidden` words and counts)"
        ) from error
    return compiled


def found(pattern: str, text: str) -> bool:
    """Return whether a part of a text matches. Raises `ValueError` as `compile_pattern` does."""
    return compile_pattern(pattern).search(without_surrogates(text)) is not None


def _said(error: Exception) -> str:
    message = error.args[0] if error.args else error
    return message.decode("utf-8", "replace") if isinstance(message, bytes) else str(message)
