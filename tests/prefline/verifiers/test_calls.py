from __future__ import annotations

from typing import Any

import orjson
import pytest

from prefline.tables.messages import Message
from prefline.tables.turns import read_turns
from prefline.verifiers import check, parse_verifier


def calling(*calls: tuple[str, Any], says: str = "It is 18.") -> tuple[Message, ...]:
    made = [{"function": {"name": name, "arguments": given}} for name, given in calls]
    turns: list[Any] = [{"role": "assistant", "content": "", "tool_calls": made}] if made else []
    return read_turns([*turns, {"role": "assistant", "content": says}], "here")


def result(turns: Any, **fields: Any) -> tuple[bool, str]:
    found = check(parse_verifier(orjson.dumps({"kind": "called", **fields}).decode()), turns)
    assert not found.undecided
    return found.passed, found.why


WEATHER = ("weather", {"city": "Rome", "days": 2})


@pytest.mark.parametrize(
    ("fields", "passes", "why"),
    [
        ({"name": "weather"}, True, "calls weather"),
        ({"name": "weather", "arguments": {"city": "Rome", "days": 2.0}}, True, "calls"),
        ({"name": "weather", "arguments": {"city": "rome"}}, False, 'city is "Rome"'),
        ({"name": "weather", "arguments": {"days": True}}, False, "days is 2, expected true"),
        ({"name": "weather", "arguments": {"unit": "c"}}, False, "unit is missing"),
        ({"name": "weather", "arguments": {"city": "Rome"}, "exact": True}, False, "days is too"),
        ({"name": "search"}, False, "expected a call of search, calls weather"),
        ({}, False, "calls weather"),
    ],
)
def test_a_call_is_looked_for_by_name_and_arguments(
    fields: dict[str, Any], passes: bool, why: str
) -> None:
    passed, said = result(calling(WEATHER), **fields)

    assert passed is passes
    assert why in said


def test_one_right_call_among_several_passes_and_once_says_one_alone() -> None:
    wrong = ("weather", {"city": "Oslo"})

    assert result(calling(wrong, WEATHER), name="weather", arguments={"city": "Rome"})[0]
    assert result(calling(wrong, WEATHER), name="weather", arguments={"city": "Rome"}, once=True)[0]
    assert not result(calling(WEATHER, WEATHER), name="weather", once=True)[0]


def test_a_text_calls_nothing_and_broken_arguments_are_told() -> None:
    assert result("weather(Rome)", name="weather") == (
        False, "expected a call of weather, calls nothing"
    )  # fmt: skip
    assert result("It is 18.") == (True, "calls nothing")
    assert "no JSON object" in result(calling(("weather", "{city: Rome")), name="weather")[1]


def test_other_checks_look_at_what_is_said_last() -> None:
    numeric = parse_verifier('{"kind": "numeric", "value": 18}')

    assert check(numeric, calling(("weather", {"days": 99}))).passed
    assert not check(numeric, calling(WEATHER, says="I do not know.")).passed
