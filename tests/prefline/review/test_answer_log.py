"""A reviewer's file: what stands, what was taken back, and what a kill leaves."""

from __future__ import annotations

import threading
from pathlib import Path

import orjson
import pytest

from prefline.errors import InputError
from prefline.review.answer_log import AnswerLog, Entry, reviewer_name, reviewers_in


def entry(pair: str, preferred: str | None = "a", *, repeat: bool = False) -> Entry:
    return Entry(pair, preferred, "b", repeat)


def rows(log: AnswerLog) -> list[dict[str, object]]:
    return [orjson.loads(line) for line in log.path.read_bytes().splitlines()]


def test_an_answer_is_a_row_that_the_stage_pair_reads(tmp_path: Path) -> None:
    log = AnswerLog(tmp_path, "ann")
    log.add(Entry("p", "a", "b", seconds=12.34, comment="close"), left="b")

    (row,) = rows(log)
    assert row.pop("answered_at")
    assert row == {
        "pair_id": "p", "reviewer": "ann", "preferred_id": "a", "other_id": "b", "left_id": "b",
        "seconds": 12.3, "comment": "close",
    }  # fmt: skip


def test_a_second_answer_on_a_pair_is_not_written_even_from_another_process(tmp_path: Path) -> None:
    one, other = AnswerLog(tmp_path, "ann"), AnswerLog(tmp_path, "ann")
    assert one.add(entry("p"), left="a")
    assert not other.add(entry("p", "b"), left="a")
    assert other.add(entry("p", "b", repeat=True), left="a")
    assert len(rows(one)) == 2


def test_what_is_taken_back_stays_in_the_file_and_may_be_said_anew(tmp_path: Path) -> None:
    log = AnswerLog(tmp_path, "ann")
    log.add(entry("p"), left="a")
    assert not log.undo("q")
    assert log.undo("p")
    assert log.standing == []
    assert [one.pair_id for one in log.taken_back] == ["p"]
    log.add(entry("p", None), left="a")
    again = AnswerLog(tmp_path, "ann")
    assert [(one.pair_id, one.preferred) for one in again.standing] == [("p", None)]
    assert again.taken_back == []
    assert len(rows(log)) == 3


def test_a_row_that_a_kill_cut_off_is_removed_since_nobody_was_told_that_it_stands(
    tmp_path: Path,
) -> None:
    log = AnswerLog(tmp_path, "ann")
    log.add(entry("p"), left="a")
    whole = log.path.read_bytes()
    log.path.write_bytes(whole + b'{"pair_id": "q", "revi')

    again = AnswerLog(tmp_path, "ann")
    assert [one.pair_id for one in again.standing] == ["p"]
    assert log.path.read_bytes() == whole


def test_a_bad_row_is_named_with_its_file(tmp_path: Path) -> None:
    (tmp_path / "prefline-ann.jsonl").write_text('{"pair_id": "p"}\n')
    with pytest.raises(InputError, match=r"prefline-ann.jsonl, row 1"):
        AnswerLog(tmp_path, "ann")


def test_answers_of_many_threads_are_all_there_once(tmp_path: Path) -> None:
    def answer() -> None:
        log = AnswerLog(tmp_path, "ann")
        for number in range(20):
            log.add(entry(str(number)), left="a")

    threads = [threading.Thread(target=answer) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(int(one.pair_id) for one in AnswerLog(tmp_path, "ann").standing) == [*range(20)]
    assert len(rows(AnswerLog(tmp_path, "ann"))) == 20


@pytest.mark.parametrize(
    ("text", "name"), [("Ann", "ann"), (" Jürgen Groß ", "jürgen-gross"), ("a.b-c", "a.b-c")]
)
def test_a_name_is_one_of_a_file(text: str, name: str, tmp_path: Path) -> None:
    assert reviewer_name(text) == name
    AnswerLog(tmp_path, name).add(entry("p"), left="a")
    assert reviewers_in(tmp_path) == [name]


@pytest.mark.parametrize("text", ["", "../x", "a/b", ".hidden", "x" * 41, "a\x00", "a\nb"])
def test_what_is_no_name_of_a_file_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        reviewer_name(text)


def test_a_file_that_somebody_has_replaced_is_read_anew(tmp_path: Path) -> None:
    log = AnswerLog(tmp_path, "ann")
    log.add(entry("p"), left="a")
    other = AnswerLog(tmp_path / "elsewhere", "ann")
    for pair in ("q", "r", "s"):
        other.add(entry(pair), left="a")
    other.path.replace(log.path)

    assert log.add(entry("t"), left="a")
    assert [one.pair_id for one in log.standing] == ["q", "r", "s", "t"]
    log.path.unlink()
    log.refresh()
    assert log.standing == []
