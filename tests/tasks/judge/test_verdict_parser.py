from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.judge.verdict_parser import p_first_of, parse_last_object, parse_letter
from tests.tasks.judge.material import reply


@pytest.mark.parametrize(
    ("text", "side"),
    [
        pytest.param("A", "first", id="letter"),
        pytest.param("B.", "second", id="with a full stop"),
        pytest.param("**B**", "second", id="bold"),
        pytest.param("[[A]]", "first", id="brackets"),
        pytest.param("Answer: B", "second", id="in words"),
        pytest.param("A, no: B", "second", id="the last one binds"),
        pytest.param("I'd say neither", "invalid", id="neither"),
        pytest.param("", "invalid", id="empty"),
        pytest.param("Because", "invalid", id="a word that begins with the letter"),
        pytest.param("C", "invalid", id="not offered"),
        pytest.param("A is better than B.", "first", id="the beaten one is no verdict"),
        pytest.param("I pick B over A", "second", id="one over the other"),
        pytest.param("Winner: A (B is wrong)", "first", id="a fault is no verdict"),
        pytest.param("A. B\u2019s claim is false", "first", id="typographic apostrophe"),
    ],
)
def test_the_last_letter_offered_binds_and_anything_else_is_invalid(text: str, side: str) -> None:
    assert parse_letter(reply(text)).side == side


def test_the_raw_reply_of_an_invalid_verdict_is_kept() -> None:
    assert parse_letter(reply("no idea")).rationale == "no idea"


def test_without_log_probabilities_there_is_a_verdict_and_no_probability() -> None:
    assert parse_letter(reply("A")).p_first is None


@given(a=st.floats(-8, -0.01), b=st.floats(-8, -0.01))
def test_p_first_is_the_softmax_over_the_two_letters(a: float, b: float) -> None:
    p = p_first_of([[("A", a), ("x", -9.0), ("B", b)]])

    assert p == pytest.approx(1 / (1 + math.exp(b - a)))


def test_spellings_of_a_letter_add_up() -> None:
    half = math.log(0.25)
    p = p_first_of([[("A", half), (" A", half), ("B", half), ("▁b", half)]])

    assert p == pytest.approx(0.5)


def test_a_letter_that_is_not_among_the_candidates_is_at_most_the_least_of_them() -> None:
    p = p_first_of([[("A", math.log(0.9)), ("The", math.log(0.05))]])

    assert p == pytest.approx(0.9 / 0.95)


def test_the_first_token_that_offers_a_letter_counts() -> None:
    tops = [[("Answer", -0.1), (":", -3.0)], [("B", math.log(0.8)), ("A", math.log(0.2))]]

    assert p_first_of(tops) == pytest.approx(0.2)


def test_the_token_of_the_last_letter_given_counts() -> None:
    sure, less = math.log(0.9), math.log(0.1)
    tops = [[("A", sure), ("B", less)], [(",", -0.1)], [("B", sure), ("A", less)]]

    assert p_first_of(tops) == pytest.approx(0.1)


def test_a_letter_that_was_only_thought_of_later_does_not_count() -> None:
    tops = [[("B", math.log(0.8)), ("A", math.log(0.2))], [(".", -0.1), ("A", -5.0)]]

    assert p_first_of(tops) == pytest.approx(0.2)


def test_a_tie_is_a_verdict_where_it_is_offered_and_nowhere_else() -> None:
    tops = [("C", math.log(0.6)), ("A", math.log(0.3)), ("B", math.log(0.1))]
    offered = parse_letter(reply("C", tops), ties=True)

    assert offered.side == "tie"
    assert offered.p_first == pytest.approx(0.75)
    assert parse_letter(reply("C", tops)).side == "invalid"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": 1}', {"a": 1}),
        ('```json\n{"a": 1}\n```', {"a": 1}),
        ('{"a": 1} no: {"a": 2}', {"a": 2}),
        ('{"a": {"b": 1}}', {"a": {"b": 1}}),
        ('{x} {"a": "}"} {', {"a": "}"}),
        ("nothing", None),
        ("{" * 5_000, None),
        ('{"a":[' * 20_000, None),
        ('{"a": ' + "9" * 5_000 + "}", None),
    ],
)
def test_the_last_object_in_a_reply_binds(text: str, expected: object) -> None:
    assert parse_last_object(text) == expected
