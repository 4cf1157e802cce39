from __future__ import annotations

import asyncio
import errno
import logging
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefline.engine import ReplyStore
from prefline.errors import DiskFull
from prefline.ids import content_hash


def key(number: int) -> str:
    return content_hash(number)[:32]


def put(folder: Path, replies: dict[str, bytes]) -> None:
    async def put_all(store: ReplyStore) -> None:
        await asyncio.gather(*(store.put(k, b'{"ask":1}', body) for k, body in replies.items()))

    with ReplyStore(folder) as store:
        asyncio.run(put_all(store))


def test_what_was_stored_is_found_by_another_process(tmp_path: Path) -> None:
    put(tmp_path, {key(n): b'{"n":%d}' % n for n in range(100)})

    with ReplyStore(tmp_path) as store:
        assert len(store) == 100
        assert store.get(key(42)) == b'{"n":42}'
        assert store.record(key(42)) == (b'{"ask":1}', b'{"n":42}')
        assert store.get(key(1_000)) is None


def test_a_store_sees_what_another_one_wrote_after_it_was_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("prefline.engine.store._REFRESH_S", 0.0)
    with ReplyStore(tmp_path) as store:
        put(tmp_path, {key(1): b"{}"})

        assert store.get(key(1)) == b"{}"


def test_pretty_printed_json_is_stored_on_one_line(tmp_path: Path) -> None:
    put(tmp_path, {key(1): b'{\n\t"text": "a\\nb"\n}'})

    with ReplyStore(tmp_path) as store:
        assert store.get(key(1)) == b'{"text":"a\\nb"}'


@given(cut=st.integers(1, 40))
def test_a_torn_last_line_is_left_out_and_the_rest_is_kept(
    cut: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("replies")
    put(folder, {key(n): b'{"text":"some reply"}' for n in range(3)})
    journal = next(folder.glob("*.journal"))
    os.truncate(journal, journal.stat().st_size - cut)

    with ReplyStore(folder) as store:
        assert [store.get(key(n)) is not None for n in range(3)] == [True, True, False]


def test_a_torn_line_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    put(tmp_path, {key(1): b"{}"})
    journal = next(tmp_path.glob("*.journal"))
    os.truncate(journal, journal.stat().st_size - 1)

    with caplog.at_level(logging.WARNING), ReplyStore(tmp_path):
        assert "torn line" in caplog.text


def test_a_damaged_line_is_left_out(tmp_path: Path) -> None:
    put(tmp_path, {key(1): b'{"a":1}', key(2): b'{"a":2}'})
    journal = next(tmp_path.glob("*.journal"))
    journal.write_bytes(journal.read_bytes().replace(b'{"a":1}', b'{"a":7}'))

    with ReplyStore(tmp_path) as store:
        assert store.get(key(1)) is None
        assert store.get(key(2)) == b'{"a":2}'


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
        with pytest.raises(DiskFull, match="not paid for twice"):
            await store.put(key(1), b"{}", b"{}")
        full[0] = False
        await store.put(key(2), b"{}", b"{}")

    with ReplyStore(tmp_path) as store:
        monkeypatch.setattr(os, "write", write)
        asyncio.run(fill_then_free(store))
    with ReplyStore(tmp_path) as store:
        assert store.get(key(1)) is None
        assert store.get(key(2)) == b"{}"
