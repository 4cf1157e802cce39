from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
import time
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from prefline.errors import DiskFull, ReplyStoreDamaged, ReplyStoreError
from prefline.llm import ReplyStore
from prefline.llm.replies import database
from tests.prefline.llm.replies.stores import (
    REQUEST,
    body,
    chat,
    execute,
    key,
    numbers_in,
    put,
    put_numbers,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "replies.db"


def test_what_was_stored_is_found_by_another_process(path: Path) -> None:
    put_numbers(path, *range(100))

    with ReplyStore(path) as store:
        assert len(store) == 100
        assert store.get(key(42)) == body(42)
        assert store.get(key(1_000)) is None
        assert key(42) in store
        assert key(1_000) not in store


def test_a_record_holds_the_request_and_how_and_when_it_was_bought(path: Path) -> None:
    before = int(time.time())
    put(path, {key(1): body(1)}, batch=True)
    put(path, {key(2): body(2)})

    with ReplyStore(path) as store:
        first, second = store.record(key(1)), store.record(key(2))
        assert first is not None
        assert second is not None
        assert (first.request, first.reply, first.batch) == (REQUEST, body(1), True)
        assert before <= first.created <= time.time()
        assert not second.batch
        assert store.record(key(3)) is None


@pytest.mark.parametrize("read_only", [False, True])
def test_a_store_that_only_reads_creates_nothing(tmp_path: Path, *, read_only: bool) -> None:
    with ReplyStore(tmp_path / "none" / "replies.db", read_only=read_only) as store:
        assert store.get(key(1)) is None
        assert len(store) == 0

    assert list(tmp_path.iterdir()) == []


def test_a_store_that_was_opened_to_read_stores_nothing(path: Path) -> None:
    put_numbers(path, 1)

    with ReplyStore(path, read_only=True) as store:
        assert store.get(key(1)) == body(1)
        with pytest.raises(RuntimeError, match="read only"):
            asyncio.run(store.put(key(2), REQUEST, body(2)))


def test_a_closed_store_is_one_file_and_the_mark_of_runs(path: Path) -> None:
    put_numbers(path, 1)
    with ReplyStore(path, read_only=True) as store:
        store.get(key(1))

    assert sorted(one.name for one in path.parent.iterdir()) == ["replies.db", "replies.db-runs"]


def test_a_reply_is_given_back_byte_for_byte(path: Path) -> None:
    pretty, noise = b'{\n\t"text": "a\\nb"\n}', os.urandom(50_000)
    replies = [pretty, b"", pretty * 10_000, noise]
    put(path, {key(number): reply for number, reply in enumerate(replies)})
    put(path, {key(9): b""}, b"")

    with ReplyStore(path) as store:
        assert [store.get(key(number)) for number in range(4)] == replies
        assert store.get(key(9)) == b""


@given(steps=st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 9)), max_size=30))
@settings(max_examples=100)  # money
def test_two_stores_on_one_file_see_each_others_replies_at_once(
    steps: list[tuple[bool, bool, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("store") / "replies.db"

    async def take(stores: tuple[ReplyStore, ReplyStore]) -> None:
        stored: set[int] = set()
        for which, writing, number in steps:
            store = stores[which]
            assert (key(number) in store) == (number in stored)
            assert store.get(key(number)) == (body(number) if number in stored else None)
            if writing:
                await store.put(key(number), REQUEST, body(number))
                stored.add(number)
        assert all(store.get(key(number)) == body(number) for number in stored for store in stores)
        assert all(len(store) == len(stored) for store in stores)

    with ReplyStore(path) as first, ReplyStore(path) as second:
        asyncio.run(take((first, second)))


def test_what_is_stored_after_it_was_looked_up_together_is_found(path: Path) -> None:
    async def store_one(store: ReplyStore) -> None:
        assert store.claims.take(key(0))
        assert store.claims.alone
        store.look_ahead([key(1), key(2), key(3)])
        await store.put(key(1), REQUEST, body(1))

    put_numbers(path, 3)
    with ReplyStore(path) as store:
        asyncio.run(store_one(store))
        assert store.get(key(1)) == body(1)
        # Another process comes, stores and goes.
        store.claims.alone = False
        put_numbers(path, 2)
        assert store.get(key(2)) == body(2)
        assert store.get(key(3)) == body(3)


def test_what_was_looked_up_together_counts_only_while_nobody_else_could_store(path: Path) -> None:
    with ReplyStore(path) as store:
        assert store.claims.take(key(0))
        store.look_ahead([key(1)])
        store.claims.alone = False
        put_numbers(path, 1)
        store.claims.share()  # alone again
        assert store.claims.alone
        assert store.get(key(1)) == body(1)


def test_of_two_replies_for_one_key_the_first_stays(path: Path) -> None:
    put(path, {key(1): b"first"})
    put(path, {key(1): b"second", key(2): b"other"})

    with ReplyStore(path) as store:
        assert [store.get(key(n)) for n in (1, 2)] == [b"first", b"other"]


def test_projects_can_share_one_file_by_a_link(path: Path) -> None:
    link = path.parent / "other" / "replies.db"
    link.parent.mkdir()
    link.symlink_to(path)
    put_numbers(link, 1)
    put_numbers(path, 2)

    assert numbers_in(link, range(5)) == {1, 2}
    assert [one.name for one in link.parent.iterdir()] == ["replies.db"]


def test_any_tool_that_reads_sqlite_can_look_into_it(path: Path) -> None:
    request, reply = chat("m", 5)
    put(path, {key(1): reply}, request, batch=True)
    put(path, {key(2): b"[]"}, b"not JSON")
    put(path, {key(3): b"{}"}, b'{"model": "e", "input": "text"}')

    query = "SELECT key, model, kind, batch, input_tokens, output_tokens FROM replies ORDER BY id"
    assert execute(path, query) == [
        (key(1), "m", "chat", 1, 5, 10),
        (key(2), "unknown", "unknown", 0, 0, 0),
        (key(3), "e", "embedding", 0, 0, 0),
    ]
    # The two lines that docs/engine.md names.
    content, size, packed = execute(
        path,
        "SELECT content, request_bytes, packed FROM replies JOIN dictionaries USING (dictionary) "
        "WHERE key = ?",
        key(1),
    )[0]
    dictionary = zstandard.ZstdCompressionDict(content, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
    text = zstandard.ZstdDecompressor(dictionary).decompress(packed)
    assert (text[:size], text[size:]) == (request, reply)


def test_numbers_that_no_column_takes_are_left_out(path: Path) -> None:
    reply = b'{"usage": {"prompt_tokens": 18446744073709551615, "completion_tokens": 1e300}}'
    put(path, {key(1): reply})

    assert execute(path, "SELECT input_tokens, output_tokens FROM replies") == [(0, 0)]
    with ReplyStore(path) as store:
        assert store.get(key(1)) == reply


def test_a_reply_that_cannot_be_read_is_told_once_bought_again_and_set_aside(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put_numbers(path, 1, 2)
    execute(path, "UPDATE replies SET checksum = checksum + 1 WHERE key = ?", key(1))
    with caplog.at_level(logging.WARNING), ReplyStore(path) as store:
        assert [store.get(key(1)), store.get(key(1))] == [None, None]
        assert key(1) not in store
        assert store.get(key(2)) == body(2)
        assert len(caplog.records) == 1
        assert key(1) in caplog.text
        asyncio.run(store.put(key(1), REQUEST, body(1)))
        assert store.get(key(1)) == body(1)

    assert numbers_in(path, range(5)) == {1, 2}
    assert execute(path, "SELECT key, reason FROM unreadable") == [
        (key(1), "its checksum is wrong")
    ]


def test_a_reply_that_its_reader_cannot_use_is_set_aside_too(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put_numbers(path, 1)
    with caplog.at_level(logging.WARNING), ReplyStore(path) as store:
        store.set_aside(key(1), "KeyError('choices')")
        assert store.get(key(1)) is None
        asyncio.run(store.put(key(1), REQUEST, b'{"choices":[]}'))
        assert store.get(key(1)) == b'{"choices":[]}'

    assert "KeyError('choices')" in caplog.text
    assert execute(path, "SELECT count(*) FROM unreadable") == [(1,)]


@pytest.mark.parametrize(
    "content", [b"no database at all" * 100, b"SQLite format 3\0" + b"\xa5" * 9_000]
)
def test_a_file_that_is_no_database_is_one_clear_error(path: Path, content: bytes) -> None:
    path.write_bytes(content)

    with pytest.raises(ReplyStoreDamaged, match="not a database") as raised, ReplyStore(path):
        pass
    assert str(path) in raised.value.problem
    assert "prefline replies check" in raised.value.remedy
    assert path.read_bytes() == content


def test_a_damaged_page_is_one_clear_error(path: Path) -> None:
    put(path, {key(number): os.urandom(2_000) for number in range(60)})
    content = bytearray(path.read_bytes())
    content[4_096:] = b"\xa5" * (len(content) - 4_096)
    path.write_bytes(content)

    with ReplyStore(path) as store, pytest.raises(ReplyStoreDamaged, match="check --repair"):
        store.get(key(1))
    with ReplyStore(path) as store, pytest.raises(ReplyStoreDamaged):
        asyncio.run(store.put(key(99), REQUEST, body(99)))


def test_a_database_of_something_else_is_left_alone(path: Path) -> None:
    execute(path, "CREATE TABLE other (value)")
    before = path.read_bytes()

    with pytest.raises(ReplyStoreDamaged, match="not one of replies"):
        put_numbers(path, 1)
    assert path.read_bytes() == before


def test_a_file_of_a_later_version_is_refused(path: Path) -> None:
    put_numbers(path, 1)
    execute(path, f"PRAGMA user_version = {database.SCHEMA_VERSION + 1}")

    with pytest.raises(ReplyStoreError, match="upgrade Prefline"), ReplyStore(path):
        pass


def test_an_empty_file_that_a_kill_left_is_an_empty_store(path: Path) -> None:
    path.touch()

    assert numbers_in(path, range(5)) == set()
    put_numbers(path, 1)
    assert numbers_in(path, range(5)) == {1}


def test_a_full_disk_is_one_clear_error_and_later_replies_are_whole(path: Path) -> None:
    async def fill_then_free(store: ReplyStore) -> None:
        await store.put(key(0), REQUEST, body(0))
        assert store._writer is not None
        store._writer.execute("PRAGMA max_page_count = 20")
        puts = (store.put(key(n), b"{}", os.urandom(50_000)) for n in range(1, 6))
        results = await asyncio.gather(*puts, return_exceptions=True)
        assert [type(error) for error in results] == [DiskFull] * 5
        assert "not paid for twice" in str(results[0])
        assert store.get(key(1)) is None
        store._writer.execute("PRAGMA max_page_count = 100000")
        await store.put(key(7), REQUEST, body(7))
        assert store.get(key(7)) == body(7)

    with ReplyStore(path) as store:
        asyncio.run(fill_then_free(store))
    assert numbers_in(path, range(10)) == {0, 7}


def test_a_file_that_another_program_holds_locked_is_one_clear_error(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_numbers(path, 1)
    monkeypatch.setattr(database, "BUSY_S", 0.05)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        with ReplyStore(path) as store:
            with pytest.raises(ReplyStoreError, match="another program holds it locked"):
                asyncio.run(store.put(key(2), REQUEST, body(2)))
            other.execute("ROLLBACK")
            asyncio.run(store.put(key(2), REQUEST, body(2)))
    finally:
        other.close()

    assert numbers_in(path, range(5)) == {1, 2}


def test_the_log_does_not_grow_without_bound(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "_CHECKPOINT_PAGES", 20)
    log = path.with_name("replies.db-wal")

    async def put_many(store: ReplyStore) -> None:
        for number in range(300):
            await store.put(key(number), REQUEST, os.urandom(4_000))
            assert log.stat().st_size < 60 * 4_120

    with ReplyStore(path) as store, ReplyStore(path) as reader:
        reader.get(key(1))
        asyncio.run(put_many(store))
    assert path.stat().st_size > 300 * 4_000
