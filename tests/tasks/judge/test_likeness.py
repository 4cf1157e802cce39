from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.judge.likeness import likeness

ASK = "Tell me about tea."


def reason(first: str, second: str, asked: str = ASK) -> str | None:
    found = likeness(asked, first, second)
    return None if found is None else found[0]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        pytest.param("Tea is  GOOD", "tea is good", "identical", id="case and spacing"),
        pytest.param("Tea is good.", "Tea is good", "duplicate", id="a full stop"),
        pytest.param("**Tea** is `good`!", "Tea is good.", "duplicate", id="Markdown"),
        pytest.param("- green\n- black", "* green\n* black", "duplicate", id="bullets"),
        pytest.param("“Tea” is good", '"Tea" is good', "duplicate", id="quotation marks"),
        pytest.param("Tea is good", "Tea is bad", None, id="another word"),
        pytest.param("good Tea is", "Tea is good", None, id="another order"),
        pytest.param("x = -1", "x = 1", None, id="a sign"),
        pytest.param("It costs 3.5", "It costs 35", None, id="a decimal point"),
        pytest.param("x < y", "x > y", None, id="a relation"),
        pytest.param("```\na.b()\n```", "```\na.b\n```", None, id="code"),
        pytest.param("...", "!!!", None, id="no words"),
    ],
)
def test_what_reads_the_same_is_no_pair(first: str, second: str, expected: str | None) -> None:
    assert reason(first, second) == expected
    assert reason(second, first) == expected


def test_where_the_prompt_is_about_punctuation_it_makes_a_difference() -> None:
    assert reason("Yes, tea.", "Yes tea", "Add the missing punctuation: yes tea") is None


@given(st.text(max_size=80))
def test_a_text_is_identical_to_itself(text: str) -> None:
    assert reason(text, f"  {text}\n") == "identical"
