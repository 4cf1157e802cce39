"""Personal data and secrets in a text: e-mail addresses, phone and card numbers, keys.

What it finds is what has a form: names, addresses, dates of birth and the like are not found.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class Found:
    """Something of that `kind` at the characters from `start` to `end`."""

    kind: str
    start: int
    end: int


def personal_data(text: str, region: str | None = None) -> list[Found]:
    """What is found in a text, in its order and without overlaps.

    Phone numbers with a country code are found anywhere; others where `region` (ISO 3166-1, as
    `US`) says whose rules they follow. Valid numbers only, by the package phonenumbers.
    """
    taken = list[Found]()
    # What stands beside something that was found may be seen only once that is out of the way.
    while found := _first_kind(_without(text, taken), region):
        taken += found
    return sorted(taken, key=lambda one: one.start)


def redacted(text: str, found: list[Found]) -> str:
    """The text with the kind, in brackets, in place of each."""
    for one in reversed(found):
        text = f"{text[: one.start]}[{one.kind}]{text[one.end :]}"
    return text


def _without(text: str, taken: list[Found]) -> str:
    """As long as the text, with line ends where something was found."""
    for one in taken:
        text = text[: one.start] + "\n" * (one.end - one.start) + text[one.end :]
    return text


def _first_kind(text: str, region: str | None) -> list[Found]:
    """Everything of the first kind of which there is something: kinds may overlap."""
    for look in (_keys, _emails, _cards):
        if found := list(look(text)):
            return found
    return list(_phones(text, region))


def _keys(text: str) -> Iterator[Found]:
    return (Found("key", *match.span()) for match in _KEY.finditer(text))


def _emails(text: str) -> Iterator[Found]:
    return (Found("email", *match.span()) for match in _EMAIL.finditer(text))


def _cards(text: str) -> Iterator[Found]:
    for match in _CARD.finditer(text):
        if _luhn([int(letter) for letter in match.group() if letter.isdigit()]):
            yield Found("card", *match.span())


def _phones(text: str, region: str | None) -> Iterator[Found]:
    import phonenumbers

    for match in phonenumbers.PhoneNumberMatcher(text, region):
        yield Found("phone", match.start, match.end)


def _luhn(digits: list[int]) -> bool:
    """Whether the check digit is right (ISO/IEC 7812-1, annex B)."""
    if len(set(digits)) == 1:
        return False
    doubled = [digit * 2 - 9 * (digit > 4) for digit in digits[-2::-2]]  # noqa: PLR2004
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0
