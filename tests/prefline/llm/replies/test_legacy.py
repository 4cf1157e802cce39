from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefline.llm import ReplyStore
from tests.prefline.llm.replies.folders import ASK, body, key, legacy_line, put_numbers


def old_store(folder: Path, count: int, name: str = "00000000000000000001-7.journal") -> Path:
    """A journal as earlier versions wrote it."""
    path = folder / name
    path.write_bytes(b"".join(legacy_line(key(n), ASK, body(n)) for n in range(count)))
    return path


def test_replies_of_earlier_versions_are_found(tmp_path: Path) -> None:
    journal = old_store(tmp_path, 50)
    os.utime(journal, (1_700_000_000, 1_700_000_000))
    put_numbers(tmp_path, 40, 60)

    with ReplyStore(tmp_path) as store:
        assert len(store) == 51
        assert [store.get(key(n)) for n in range(50)] == [body(n) for n in range(50)]
        assert store.record(key(7)) == (ASK, body(7), False, 1_700_000_000)
        assert key(51) not in store


def test_a_long_line_is_read_whole(tmp_path: Path) -> None:
    long = b'{"text":"%s"}' % (b"word " * 20_000)
    (tmp_path / "1.journal").write_bytes(legacy_line(key(1), ASK, long))

    with ReplyStore(tmp_path) as store:
        assert store.get(key(1)) == long


@given(cut=st.integers(1, 40))
def test_a_torn_last_line_is_left_out_and_told(
    cut: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("replies")
    journal = old_store(folder, 3)
    os.truncate(journal, journal.stat().st_size - cut)

    with ReplyStore(folder) as store:
        assert [store.get(key(n)) is not None for n in range(3)] == [True, True, False]


def test_a_damaged_line_is_left_out_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    journal = old_store(tmp_path, 3)
    journal.write_bytes(journal.read_bytes().replace(body(1), b'{"n":7}'))

    with caplog.at_level(logging.WARNING), ReplyStore(tmp_path) as store:
        assert [store.get(key(n)) is not None for n in range(3)] == [True, False, True]
    assert f"{journal.name} is damaged at byte" in caplog.text
