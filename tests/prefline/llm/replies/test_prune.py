from __future__ import annotations

import asyncio
import errno
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefline.errors import DiskFull
from prefline.llm import ReplyStore
from prefline.llm.replies import Record
from prefline.llm.replies.framing import frame
from prefline.llm.replies.prune import Filters, plan, prune
from tests.prefline.llm.replies.folders import (
    ASK,
    body,
    chat,
    journals,
    key,
    legacy_line,
    put,
    put_numbers,
)

NOTHING_GOES = Filters()


def numbers_in(folder: Path, among: range = range(100)) -> set[int]:
    """Which replies a newly opened store has."""
    with ReplyStore(folder) as store:
        found = {number for number in among if store.get(key(number)) == body(number)}
        assert all(key(number) in store for number in found)
        assert len(store) == len(found)
    return found


def write_journal(folder: Path, name: str, *records: tuple[int, Record]) -> None:
    """A finished journal with these records."""
    folder.mkdir(exist_ok=True)
    data = b"".join(frame(bytes.fromhex(key(number)), record) for number, record in records)
    (folder / name).write_bytes(data)


def test_without_filters_finished_journals_become_one_and_nothing_goes(tmp_path: Path) -> None:
    for number in range(5):
        put_numbers(tmp_path, number, 50)
    done = prune(tmp_path, NOTHING_GOES)

    assert (done.gone.replies, done.kept, done.finished, done.growing) == (0, 6, 5, 0)
    assert len(journals(tmp_path)) == 1
    assert numbers_in(tmp_path) == {0, 1, 2, 3, 4, 50}


def test_a_second_pruning_leaves_the_one_journal_as_it_is(tmp_path: Path) -> None:
    put_numbers(tmp_path, 1, 2)
    put_numbers(tmp_path, 3)
    prune(tmp_path, NOTHING_GOES)
    once = list(tmp_path.iterdir())
    prune(tmp_path, NOTHING_GOES)

    assert list(tmp_path.iterdir()) == once


def test_planning_says_what_would_go_and_changes_nothing(tmp_path: Path) -> None:
    put_numbers(tmp_path, 1, 2)
    put_numbers(tmp_path, 3)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    drop_all = Filters(used=frozenset())

    assert plan(tmp_path, drop_all).gone.replies == 3
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
    done = prune(tmp_path, drop_all)
    assert (done.gone.replies, done.kept) == (3, 0)
    assert journals(tmp_path) == []


@given(
    ages=st.lists(st.integers(0, 9), min_size=1, max_size=12),
    before=st.none() | st.integers(0, 10),
    model=st.none() | st.sampled_from(["m0", "m1", "m2"]),
    used=st.none() | st.frozensets(st.integers(0, 11)),
)
def test_those_go_for_which_all_that_is_given_holds(
    ages: list[int],
    before: int | None,
    model: str | None,
    used: frozenset[int] | None,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("replies")
    for number, at in enumerate(ages):
        record = Record(b'{"model":"m%d"}' % (number % 2), body(number), batch=False, at=at)
        write_journal(folder, f"{number % 3}-{number}.replies", (number, record))
    expected = {
        number
        for number, at in enumerate(ages)
        if (before, model, used) == (None, None, None)
        or not (
            (before is None or at < before)
            and (model is None or model == f"m{number % 2}")
            and (used is None or number not in used)
        )
    }
    keys = None if used is None else frozenset(bytes.fromhex(key(n)) for n in used)
    done = prune(folder, Filters(before, model, keys))

    assert numbers_in(folder) == expected
    assert (done.gone.replies, done.kept) == (len(ages) - len(expected), len(expected))


def test_time_and_price_of_a_reply_survive(tmp_path: Path) -> None:
    put(tmp_path, {key(1): body(1)}, batch=True)
    write_journal(tmp_path, "0-1.replies", (2, Record(ASK, body(2), batch=False, at=1_234)))
    with ReplyStore(tmp_path) as store:
        before = [store.record(key(n)) for n in (1, 2)]
    prune(tmp_path, NOTHING_GOES)

    with ReplyStore(tmp_path) as store:
        assert [store.record(key(n)) for n in (1, 2)] == before


def test_what_is_still_written_is_left_alone(tmp_path: Path) -> None:
    put_numbers(tmp_path, 1)

    async def prune_meanwhile(store: ReplyStore) -> None:
        await store.put(key(2), ASK, body(2))
        done = prune(tmp_path, Filters(used=frozenset()))
        assert (done.gone.replies, done.growing) == (1, 1)
        await store.put(key(3), ASK, body(3))
        assert [store.get(key(n)) for n in (2, 3)] == [body(2), body(3)]

    with ReplyStore(tmp_path) as store:
        asyncio.run(prune_meanwhile(store))
    assert numbers_in(tmp_path) == {2, 3}


@pytest.mark.parametrize("most_open", [1, 256], ids=["reopened", "held open"])
def test_a_reader_goes_on_while_its_journals_are_merged_away(
    tmp_path: Path, most_open: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("prefline.llm.replies.catalogue._MOST_OPEN", most_open)
    for number in range(6):
        put_numbers(tmp_path, number)
    with ReplyStore(tmp_path) as store:
        assert store.get(key(0)) == body(0)
        prune(tmp_path, NOTHING_GOES)
        assert [store.get(key(n)) for n in range(6)] == [body(n) for n in range(6)]
        put_numbers(tmp_path, 6)
        prune(tmp_path, NOTHING_GOES)
        assert [key(n) in store for n in range(8)] == [True] * 7 + [False]
        assert len(store) == 7


def killed_at(step: int, do: Callable[[], object]) -> bool:
    """Do something in a process that is killed before its n-th change of the file system;
    whether it came so far."""
    child = os.fork()
    if child == 0:
        left = [step]

        def counted(name: str) -> None:
            real = getattr(os, name)

            def change(*arguments: object, **options: object) -> object:
                if not left[0]:
                    os.kill(os.getpid(), signal.SIGKILL)
                left[0] -= 1
                return real(*arguments, **options)

            setattr(os, name, change)

        for name in ("rename", "unlink", "fsync"):
            counted(name)
        do()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0


def test_killed_at_any_moment_nothing_that_stays_is_lost(tmp_path: Path) -> None:
    for step in range(50):
        folder = tmp_path / str(step)
        for number in range(0, 9, 3):
            put_numbers(folder, number, number + 1, number + 2)
        used = frozenset(bytes.fromhex(key(n)) for n in range(5))
        killed = killed_at(step, lambda: prune(folder, Filters(used=used)))  # noqa: B023

        assert set(range(5)) <= numbers_in(folder) <= set(range(9))
        if not killed:
            assert step > 5
            assert numbers_in(folder) == set(range(5))
            return
        prune(folder, Filters(used=used))
        assert numbers_in(folder) == set(range(5))
        assert len(journals(folder)) == 1
    pytest.fail("it never came to its end")


def test_what_a_killed_pruning_left_is_cleared_away_by_a_later_one(tmp_path: Path) -> None:
    put_numbers(tmp_path, 1)
    left = tmp_path / "1-1.new"
    left.write_bytes(b"half")
    prune(tmp_path, NOTHING_GOES)
    assert left.exists()  # it may be another's that is at work
    os.utime(left, (1, 1))
    prune(tmp_path, NOTHING_GOES)

    assert not left.exists()
    assert numbers_in(tmp_path) == {1}


def test_a_full_disk_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_numbers(tmp_path, 1)
    put_numbers(tmp_path, 2)
    before = sorted(tmp_path.iterdir())

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(DiskFull, match="nothing was changed"):
            prune(tmp_path, NOTHING_GOES)

    assert sorted(tmp_path.iterdir()) == before


def test_journals_of_earlier_versions_become_todays_once_they_are_at_rest(tmp_path: Path) -> None:
    old = tmp_path / "00000000000000000001-7.journal"
    request, reply = chat("old-model", 10)
    old.write_bytes(legacy_line(key(1), ASK, body(1)) + legacy_line(key(2), request, reply))
    put_numbers(tmp_path, 3)

    assert prune(tmp_path, NOTHING_GOES).growing == 1
    assert old.exists()
    at = int(time.time()) - 7_200
    os.utime(old, (at, at))
    assert plan(tmp_path, Filters(model="old-model")).gone.models["old-model"].input_tokens == 10
    prune(tmp_path, NOTHING_GOES)

    assert [path.suffix for path in tmp_path.iterdir()] == [".replies"]
    with ReplyStore(tmp_path) as store:
        assert store.record(key(2)) == (request, reply, False, at)
        assert store.get(key(1)) == body(1)


def test_of_a_folder_that_is_not_there_nothing_goes(tmp_path: Path) -> None:
    assert prune(tmp_path / "none", Filters(used=frozenset())).gone.replies == 0
