"""Personal data and secrets in texts: e-mail addresses, phone and card numbers, keys.

Only what has a form is found: names, addresses, dates of birth and the like are not.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field

from prefline.filters.base import Check, Rewrite, RowFilter

_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@(?:[\w-]{1,63}\.)+[^\W\d_]{2,24}(?![\w-])")
# 13 to 19 digits, with single spaces or hyphens between them.
_CARD = re.compile(r"(?<![\d-])\d(?:[ -]?\d){12,18}(?![\d-])")
_KEY = re.compile(
    r"""
    \bsk-[A-Za-z0-9_-]{20,}                # OpenAI, Anthropic and others in their manner
    | \b(?:AKIA|ASIA)[0-9A-Z]{16}\b        # AWS
    | \bgh[pousr]_[A-Za-z0-9]{36,}\b       # GitHub
    | \bglpat-[\w-]{20,}                   # GitLab
    | \bhf_[A-Za-z0-9]{30,}\b              # Hugging Face
    | \bxox[abeoprs]-[A-Za-z0-9-]{10,}     # Slack
    | \bAIza[\w-]{35}                      # Google
    | \b[rs]k_live_[A-Za-z0-9]{20,}\b      # Stripe
    | \beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]+ # JSON web tokens
    | -----BEGIN\ [A-Z ]*PRIVATE\ KEY-----(?:[\s\S]*?-----END\ [A-Z ]*PRIVATE\ KEY-----)?
    """,
    re.VERBOSE,
)


class PersonalDataFilter(RowFilter):
    """Take personal data out of prompts, or reject those that hold some."""

    reason = "personal_data"
    shorthand = "action"

    action: Literal["redact", "reject"] = Field(
        description="with e-mail addresses, phone and card numbers, keys"
    )
    phone_region: str | None = Field(
        None, pattern="^[A-Z]{2}$",
        description="whose phone numbers are known without a country code, such as US",
    )  # fmt: skip

    def check(self, root: Path) -> Check | None:  # noqa: ARG002 -- reads no file
        """Return the check for personal data; None where it is taken out."""
        if self.action == "redact":
            return None

        def find(text: str) -> str | None:
            kinds = sorted({span.kind for span in find_personal_data(text, self.phone_region)})
            return f"holds {', '.join(kinds)}" if kinds else None

        return find

    def rewrite(self, root: Path) -> Rewrite | None:  # noqa: ARG002 -- reads no file
        """Return what puts the kind of personal data in its place; None where it is rejected."""
        if self.action == "reject":
            return None

        def rewrite(text: str) -> tuple[str, Counter[str]]:
            spans = find_personal_data(text, self.phone_region)
            return redact(text, spans), Counter(span.kind for span in spans)

        return rewrite


@dataclass(frozen=True, slots=True)
class Span:
    """Personal data of a `kind`, at the characters from `start` to `end`."""

    kind: str
    start: int
    end: int


def find_personal_data(text: str, region: str | None = None) -> list[Span]:
    """Return the personal data in a text, in its order and without overlaps.

    Phone numbers with a country code are found anywhere; others where `region` (ISO 3166-1, as
    `US`) says whose rules they follow. Valid numbers only, by the package phonenumbers.
    """
    spans = list[Span]()
    # What stands beside a span may be seen only once that is out of the way.
    while more := _spans_of_one_kind(_blank(text, spans), region):
        spans += more
    return sorted(spans, key=lambda span: span.start)


def redact(text: str, spans: list[Span]) -> str:
    """Return the text with the kind of each span, in brackets, in its place."""
    for span in reversed(spans):
        text = f"{text[: span.start]}[{span.kind}]{text[span.end :]}"
    return text


def _blank(text: str, spans: list[Span]) -> str:
    """Return a text of the same length, with line ends in place of the spans."""
    for span in spans:
        text = text[: span.start] + "\n" * (span.end - span.start) + text[span.end :]
    return text


def _spans_of_one_kind(text: str, region: str | None) -> list[Span]:
    """Return all spans of the first kind that the text has: kinds may overlap."""
    for find in (_keys, _emails, _cards):
        if spans := list(find(text)):
            return spans
    return list(_phones(text, region))


def _keys(text: str) -> Iterator[Span]:
    return (Span("key", *match.span()) for match in _KEY.finditer(text))


def _emails(text: str) -> Iterator[Span]:
    return (Span("email", *match.span()) for match in _EMAIL.finditer(text))


def _cards(text: str) -> Iterator[Span]:
    for match in _CARD.finditer(text):
        if _has_check_digit([int(letter) for letter in match.group() if letter.isdigit()]):
            yield Span("card", *match.span())


def _phones(text: str, region: str | None) -> Iterator[Span]:
    import phonenumbers

    for match in phonenumbers.PhoneNumberMatcher(text, region):
        yield Span("phone", match.start, match.end)


def _has_check_digit(digits: list[int]) -> bool:
    """Return whether the last digit is right by Luhn's rule (ISO/IEC 7812-1, annex B)."""
    if len(set(digits)) == 1:
        return False
    doubled = [digit * 2 - 9 * (digit > 4) for digit in digits[-2::-2]]  # noqa: PLR2004
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0
