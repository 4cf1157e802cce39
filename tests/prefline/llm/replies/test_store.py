from __future__ import annotations

import asyncio
import errno
import logging
import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefline.errors import DiskFull
from prefline.llm import ReplyStore
from prefline.llm.replies.folder import Descriptors
from tests.prefline.llm.replies.folders import ASK, body, journals, key, put, put_numbers


def found(folder: Path, numbers: range) -> list[bool]:
    """Which of the numbers' replies a newly opened store has."""
    with ReplyStore(folder) as store:
        for number in numbers:
            assert store.get(key(number)) in (None, body(number))
            assert (store.get(key(number)) is not None) == (key(number) in store)
        return [store.get(key(number)) is not None for number in numbers]


def test_what_was_stored_is_found_by_another_process(tmp_path: Path) -> None:
    put_numbers(tmp_path, *range(100))

    with ReplyStore(tmp_path) as store:
        assert len(store) == 100
        assert store.get(key(42)) == body(42)
        assert store.get(key(1_000)) is None
        assert key(42) in store
        assert key(1_000) not in store


def test_a_record_holds_the_request_and_how_and_when_it_was_bought(tmp_path: Path) -> None:
    before = int(time.time())
    put(tmp_path, {key(1): body(1)}, batch=True)
    put(tmp_path, {key(2): body(2)})

    with ReplyStore(tmp_path) as store:
        first, second = store.record(key(1)), store.record(key(2))
        assert first is not None
        assert second is not None
        assert (first.request, first.reply, first.batch) == (ASK, body(1), True)
        assert before <= first.at <= time.time()
        assert not second.batch
        assert store.record(key(3)) is None


def test_a_store_that_only_reads_writes_nothing(tmp_path: Path) -> None:
    with ReplyStore(tmp_path) as store:
        assert store.get(key(1)) is None

    assert list(tmp_path.iterdir()) == []


def test_a_reply_is_given_back_byte_for_byte(tmp_path: Path) -> None:
    pretty = b'{\n\t"text": "a\\nb"\n}'
    put(tmp_path, {key(1): pretty, key(2): b"", key(3): pretty * 10_000})

    with ReplyStore(tmp_path) as store:
        assert [store.get(key(n)) for n in (1, 2, 3)] == [pretty, b"", pretty * 10_000]


def test_a_reply_that_does_not_compress_is_read_whole(tmp_path: Path) -> None:
    noise = os.urandom(50_000)
    put(tmp_path, {key(1): noise})

    with ReplyStore(tmp_path) as store:
        assert store.get(key(1)) == noise


@given(steps=st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 9)), max_size=30))
def test_two_stores_on_one_folder_see_each_others_replies_at_once(
    steps: list[tuple[bool, bool, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("replies")

    async def take(stores: tuple[ReplyStore, ReplyStore]) -> None:
        stored: set[int] = set()
        for one, writing, number in steps:
            store = stores[one]
            assert (key(number) in store) == (number in stored)
            assert store.get(key(number)) == (body(number) if number in stored else None)
            if writing:
                await store.put(key(number), ASK, body(number))
                stored.add(number)
        assert all(store.get(key(number)) == body(number) for number in stored for store in stores)
        assert all(len(store) == len(stored) for store in stores if stored)

    with ReplyStore(folder) as one, ReplyStore(folder) as other:
        asyncio.run(take((one, other)))


@given(cut=st.integers(0, 400))
def test_whatever_a_crash_cuts_off_the_replies_before_are_kept(
    cut: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("replies")
    put_numbers(folder, 0)
    size = journals(folder)[0].stat().st_size
    put_numbers(folder, 1, 2, 3)
    journal = journals(folder)[1]
    left = max(0, journal.stat().st_size - cut)
    os.truncate(journal, left)

    assert found(folder, range(4)) == [True, *(left >= size * n for n in (1, 2, 3))]


@given(where=st.integers(0), bit=st.integers(0, 7))
def test_whatever_byte_is_wrong_all_other_replies_are_found_and_it_is_told(
    where: int, bit: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("replies")
    put_numbers(folder, *range(5))
    (journal,) = journals(folder)
    data = bytearray(journal.read_bytes())
    where %= len(data)
    data[where] ^= 1 << bit
    journal.write_bytes(data)

    assert found(folder, range(5)) == [n != where * 5 // len(data) for n in range(5)]


def test_damage_is_told_with_its_file_and_byte(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put_numbers(tmp_path, 1, 2)
    (journal,) = journals(tmp_path)
    data = bytearray(journal.read_bytes())
    data[10] ^= 1
    journal.write_bytes(data)

    with caplog.at_level(logging.WARNING), ReplyStore(tmp_path) as store:
        assert store.get(key(2)) == body(2)
        store.get(key(3))
    assert [one.message for one in caplog.records] == [
        f"{journal.name} is damaged at byte 0: what it holds there is left out"
    ]


def test_a_torn_end_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    put_numbers(tmp_path, 1)
    (journal,) = journals(tmp_path)
    os.truncate(journal, journal.stat().st_size - 1)

    with caplog.at_level(logging.WARNING), ReplyStore(tmp_path) as store:
        assert [store.get(key(n)) for n in range(3)] == [None, None, None]
    assert [one.message for one in caplog.records] == [
        f"{journal.name} ends in a torn record at byte 0, which is left out"
    ]


def test_what_is_damaged_while_the_store_is_open_is_told_once_and_can_be_bought_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put_numbers(tmp_path, 1)
    (journal,) = journals(tmp_path)
    with caplog.at_level(logging.WARNING), ReplyStore(tmp_path) as store:
        data = bytearray(journal.read_bytes())
        data[-1] ^= 1
        journal.write_bytes(data)
        assert store.get(key(1)) is None
        assert store.get(key(1)) is None
        asyncio.run(store.put(key(1), ASK, body(1)))
        assert store.get(key(1)) == body(1)

    assert len(caplog.records) == 1


def test_keys_with_one_fingerprint_are_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("prefline.llm.replies.catalogue.fingerprint", lambda key: key[0] & 1)
    put_numbers(tmp_path, *range(30), *range(30))
    put_numbers(tmp_path, *range(20, 40))

    assert found(tmp_path, range(50)) == [True] * 40 + [False] * 10
    with ReplyStore(tmp_path) as store:
        assert len(store) == 40


def test_many_journals_are_read_with_a_bounded_number_of_descriptors(tmp_path: Path) -> None:
    for number in range(8):
        put_numbers(tmp_path, number)
    files = Descriptors(tmp_path, most=3)
    for path in [*journals(tmp_path), *journals(tmp_path)]:
        assert os.pread(files[path.name], 4, 0) == path.read_bytes()[:4]
        assert len(files) <= 3
    files.close()

    assert len(files) == 0


def test_a_full_disk_is_one_clear_error_and_later_replies_are_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real_write, full = os.write, [True]

    def write(descriptor: int, data: bytes) -> int:
        if full[0]:
            real_write(descriptor, bytes(data)[:5])
            raise OSError(errno.ENOSPC, "No space left on device")
        return real_write(descriptor, data)

    async def fill_then_free(store: ReplyStore) -> None:
        every = await asyncio.gather(
            *(store.put(key(n), b"{}", b"{}") for n in range(3)), return_exceptions=True
        )
        assert [type(error) for error in every] == [DiskFull] * 3
        assert "not paid for twice" in str(every[0])
        full[0] = False
        await store.put(key(5), b"{}", b"{}")
        assert store.get(key(5)) == b"{}"

    with ReplyStore(tmp_path) as store:
        monkeypatch.setattr(os, "write", write)
        asyncio.run(fill_then_free(store))
        assert store.get(key(1)) is None
    with ReplyStore(tmp_path) as store:
        assert store.get(key(1)) is None
        assert store.get(key(5)) == b"{}"
