from __future__ import annotations

import fcntl
import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from prefline.llm import ReplyStore
from prefline.llm.replies import Record
from prefline.llm.replies.framing import frame
from tests.prefline.llm.replies.folders import body, journals, key, put_numbers

ROOT = Path(__file__).parents[4]


@contextmanager
def writer(folder: Path, first: int) -> Iterator[subprocess.Popen[bytes]]:
    """A process that stores replies from number `first` on until it is killed."""
    module = "tests.prefline.llm.replies.write_replies"
    child = subprocess.Popen(
        [sys.executable, "-m", module, str(folder), str(first)], stdout=subprocess.PIPE, cwd=ROOT
    )
    try:
        yield child
    finally:
        child.kill()
        child.communicate()


def said(child: subprocess.Popen[bytes], lines: int) -> list[int]:
    """The next numbers that a writer has stored."""
    assert child.stdout is not None
    return [int(child.stdout.readline()) for _ in range(lines)]


def rest(child: subprocess.Popen[bytes]) -> list[int]:
    """What a writer that was killed had said until then."""
    assert child.stdout is not None
    return [int(line) for line in child.stdout.read().split(b"\n")[:-1]]


@pytest.mark.parametrize("lines", [1, 30, 200])
def test_a_writer_killed_at_any_moment_loses_nothing_that_it_had_stored(
    tmp_path: Path, lines: int
) -> None:
    with writer(tmp_path, 0) as child:
        stored = said(child, lines)
        child.kill()
        stored += rest(child)
        child.wait()
    put_numbers(tmp_path, 1_000_000)

    with ReplyStore(tmp_path) as store:
        assert all(store.get(key(number)) == body(number) for number in stored)
        assert len(store) >= len(stored) + 1


def test_what_two_processes_store_at_once_is_seen_by_a_third_at_once(tmp_path: Path) -> None:
    with ReplyStore(tmp_path) as store, writer(tmp_path, 0) as one, writer(tmp_path, 10**6) as two:
        for _ in range(50):
            for child in (one, two):
                (number,) = said(child, 1)
                assert store.get(key(number)) == body(number)
        assert len({path.name for path in journals(tmp_path)}) == 2


class HalfWritten:
    """A journal whose writer lives and has written one record and a half."""

    def __init__(self, folder: Path) -> None:
        one, two = (
            frame(bytes.fromhex(key(n)), Record(b"{}", body(n), batch=False, at=0)) for n in (1, 2)
        )
        self.path, self.rest = folder / "1-1.replies", two[30:]
        self.descriptor = os.open(self.path, os.O_CREAT | os.O_WRONLY)
        fcntl.flock(self.descriptor, fcntl.LOCK_EX)
        os.write(self.descriptor, one + two[:30])


def test_a_record_that_a_living_writer_has_half_written_is_waited_for(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    half = HalfWritten(tmp_path)
    with caplog.at_level(logging.WARNING), ReplyStore(tmp_path) as store:
        assert [store.get(key(n)) for n in (1, 2)] == [body(1), None]
        os.write(half.descriptor, half.rest)
        assert store.get(key(2)) == body(2)
    os.close(half.descriptor)

    assert caplog.text == ""


def test_half_a_record_is_torn_once_its_writer_is_gone_and_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    half = HalfWritten(tmp_path)
    monkeypatch.setattr("prefline.llm.replies.catalogue._PROBE_S", 0.0)
    with caplog.at_level(logging.WARNING), ReplyStore(tmp_path) as store:
        assert store.get(key(2)) is None
        assert caplog.text == ""
        os.close(half.descriptor)
        assert [store.get(key(n)) for n in (2, 2, 3)] == [None] * 3

    assert [one.message.split(" at ")[0] for one in caplog.records] == [
        f"{half.path.name} ends in a torn record"
    ]


def test_a_finished_journal_is_not_looked_at_again(tmp_path: Path) -> None:
    put_numbers(tmp_path, 1)
    (journal,) = journals(tmp_path)
    with ReplyStore(tmp_path) as store:
        time.sleep(0.01)
        late = frame(bytes.fromhex(key(2)), Record(b"{}", b"{}", batch=False, at=0))
        with journal.open("ab") as file:
            file.write(late)

        assert key(2) not in store
        assert key(1) in store
