from __future__ import annotations

import logging
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prefline.errors import InputError
from prefline.stats.bootstrap import Figure
from tasks.improve import append_round, read_rounds
from tests.tasks.improve.rounds import round_with

FIRST = round_with(
    0, {"a": 0.25}, judge=Figure(0.7, 0.6, 0.8, 90), wins={"ä": 0.5}, proxy={"a": -3.5}
)
SECOND = round_with(1, {"a": 1.0}, unseen={"b": 0.0}, cost_usd=0.1)


@pytest.fixture
def noted(tmp_path: Path) -> Path:
    path = tmp_path / "rounds" / "rounds.jsonl"
    append_round(path, FIRST)
    append_round(path, SECOND)
    return path


def test_rounds_come_back_as_they_were_noted(noted: Path) -> None:
    assert read_rounds(noted) == (FIRST, SECOND)
    assert [one.name for one in noted.parent.iterdir()] == ["rounds.jsonl"]


def test_there_are_no_rounds_before_the_first(tmp_path: Path) -> None:
    assert read_rounds(tmp_path / "rounds.jsonl") == ()


def test_noting_a_round_twice_is_noting_it_once(noted: Path) -> None:
    before = noted.read_bytes()
    append_round(noted, SECOND)
    append_round(noted, FIRST)

    assert noted.read_bytes() == before


def test_the_last_round_done_again_stands_instead_of_the_one_before(noted: Path) -> None:
    again = round_with(1, {"a": 0.5})
    append_round(noted, again)

    assert read_rounds(noted) == (FIRST, again)


def test_a_round_that_others_rest_on_is_not_replaced(noted: Path) -> None:
    with pytest.raises(InputError, match="round 0 is noted already"):
        append_round(noted, round_with(0, {"a": 1.0}))


def test_no_round_is_skipped(noted: Path) -> None:
    with pytest.raises(InputError, match="`number` is 3 after 1"):
        append_round(noted, round_with(3))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(1, 10_000))
def test_wherever_a_kill_tears_the_last_line_the_rounds_before_stand(noted: Path, cut: int) -> None:
    whole = noted.read_bytes()
    last = len(whole.splitlines(keepends=True)[-1])
    torn = noted.with_name("torn.jsonl")
    torn.write_bytes(whole[: len(whole) - 1 - cut % last])

    found = read_rounds(torn)
    append_round(torn, SECOND)

    # Without its line end alone, the line is whole.
    assert found == ((FIRST, SECOND) if cut % last == 0 else (FIRST,))
    assert torn.read_bytes() == whole


def test_a_torn_line_is_told(noted: Path, caplog: pytest.LogCaptureFixture) -> None:
    noted.write_bytes(noted.read_bytes()[:-9])
    with caplog.at_level(logging.WARNING):
        read_rounds(noted)

    assert "line 2 was torn off" in caplog.text


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"a":0.25', '"a":1.25', "line 1: `gold.a`"),
        ('"a":0.25', '"a":"much"', "line 1: `gold.a`"),
        ('"cost_usd":0.0', '"cost_usd":-1', "line 1: `cost_usd`"),
        ('"number":0,', "", "line 1: `number`"),
        ('"number":0', '"number":0,"nunber":1', "line 1: `nunber`"),
        ('{"number":0', '"number":0', "line 1"),
        ('"unseen":{"b"', '"unseen":{"a"', "line 2: `unseen`"),
    ],
)
def test_damage_is_told_with_file_line_and_field(
    noted: Path, old: str, new: str, said: str
) -> None:
    text = noted.read_text(encoding="utf-8")
    assert old in text
    noted.write_text(text.replace(old, new, 1), encoding="utf-8")

    with pytest.raises(InputError) as raised:
        read_rounds(noted)

    assert f"{noted}, {said}" in str(raised.value)
