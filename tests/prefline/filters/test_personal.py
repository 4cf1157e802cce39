"""Personal data in a text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefline.filters.personal import find_personal_data, redact


def kinds(text: str, region: str | None = None) -> list[str]:
    return [one.kind for one in find_personal_data(text, region)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ana.b+c@mail.example.org wrote", ["email"]),
        ("call +44 20 7946 0958 or +49 30 901820", ["phone", "phone"]),
        ("pay with 4111 1111 1111 1111 please", ["card"]),
        ("4111-1111-1111-1112 has a wrong check digit", []),
        ("OPENAI_API_KEY=sk-proj-abcdefghijklmnopqrstuvwx", ["key"]),
        ("AKIA" + "ABCDEFGHIJKLMNOP", ["key"]),
        ("ghp_" + "a1" * 18, ["key"]),
        ("-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----", ["key"]),
        ("3 + 5 = 8, in 2024, at 10:30, version 1.2.3", []),
        ("user@localhost and @handle and a@b", []),
        ("0000 0000 0000 0000", []),
    ],
)
def test_what_has_a_form_is_found_and_what_only_looks_like_it_is_not(
    text: str, found: list[str]
) -> None:
    assert kinds(text) == found


def test_a_number_without_a_country_needs_to_know_whose_rules_it_follows() -> None:
    assert kinds("call (202) 456-1111") == []
    assert kinds("call (202) 456-1111", "US") == ["phone"]


@given(st.lists(st.sampled_from(["a@b.org", "+1 202-456-1111", "4111111111111111", "hi", ", "])))
def test_nothing_is_left_to_find_in_what_was_redacted(parts: list[str]) -> None:
    text = " ".join(parts)
    left = redact(text, find_personal_data(text))

    assert find_personal_data(left) == []
    assert redact(left, []) == left
