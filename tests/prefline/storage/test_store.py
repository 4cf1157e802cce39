"""What every object store promises, in a folder and on a real S3."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from prefline.errors import ObjectStoreError
from prefline.storage import ObjectDiffers, ObjectMissing, ObjectStore, StoreOptions, open_store


def test_what_is_put_is_read_back(store: ObjectStore) -> None:
    assert store.put("pairs/a b+ü.json", b"bytes")
    assert store.get("pairs/a b+ü.json") == b"bytes"
    assert store.size("pairs/a b+ü.json") == 5
    assert store.list("") == ["pairs/a b+ü.json"]


def test_an_empty_object_is_an_object(store: ObjectStore) -> None:
    assert store.put("empty", b"")
    assert store.get("empty") == b""
    assert store.size("empty") == 0


def test_a_second_put_changes_nothing_and_says_so(store: ObjectStore) -> None:
    assert store.put("key", b"first")
    assert not store.put("key", b"second")
    assert store.get("key") == b"first"


def test_of_racing_publishers_exactly_one_wins(store: ObjectStore) -> None:
    for n in range(3):
        with ThreadPoolExecutor(8) as pool:
            won = list(pool.map(lambda i, n=n: store.put(f"v/{n}", bytes([i])), range(8)))
        assert sum(won) == 1
        assert store.get(f"v/{n}") == bytes([won.index(True)])


@pytest.mark.parametrize("size", [0, 100_000, 17 << 20], ids=["empty", "small", "17-MiB"])
def test_a_file_makes_the_round_trip(store: ObjectStore, tmp_path: Path, size: int) -> None:
    source, target = tmp_path / "source", tmp_path / "new" / "target"
    source.write_bytes(os.urandom(size))
    assert store.put_file("objects/file", source)
    assert not store.put_file("objects/file", source)
    assert store.size("objects/file") == size
    assert store.download("objects/file", target) == sha256(source.read_bytes()).hexdigest()
    assert target.read_bytes() == source.read_bytes()
    assert [path.name for path in target.parent.iterdir()] == ["target"]


@pytest.mark.parametrize("size", [1, 9 << 20], ids=["small", "in-parts"])
def test_a_key_that_is_taken_by_other_bytes_is_an_error(
    store: ObjectStore, tmp_path: Path, size: int
) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(size))
    store.put_file("file", path)
    path.write_bytes(bytes(size - 1) + b"x")
    with pytest.raises(ObjectDiffers, match=f"under file .*as many bytes, {size}, but") as caught:
        store.put_file("file", path)
    assert "delete that object and publish again" in caught.value.remedy
    path.write_bytes(bytes(size + 1))
    with pytest.raises(ObjectDiffers, match=f"{size} bytes, not {size + 1}"):
        store.put_file("file", path)
    store.delete("file")
    assert store.put_file("file", path)
    assert store.size("file") == size + 1


def test_what_is_deleted_is_gone_and_may_be_deleted_again(store: ObjectStore) -> None:
    store.put("a/b", b"x")
    store.put("a/c", b"y")
    for key in ("a/b", "a/b", "never/there", "a/c/below"):
        store.delete(key)
    assert store.list("") == ["a/c"]
    assert store.put("a/b", b"anew")
    with pytest.raises(ValueError, match="not a key"):
        store.delete("../a/b")


def test_entries_say_how_large_and_how_old(store: ObjectStore) -> None:
    before = datetime.now(UTC)
    store.put("b/2", b"12")
    store.put("a/1", b"1")
    store.check_writable()
    entries = store.entries("")
    assert [(one.key, one.bytes) for one in entries] == [("a/1", 1), ("b/2", 2)]
    # A server's clock may count whole seconds.
    assert all(abs(one.modified - before) < timedelta(minutes=1) for one in entries)
    assert [one.key for one in store.entries("b/")] == ["b/2"]
    assert store.entries("nothing/here") == []


def test_where_nobody_died_nothing_is_removed(store: ObjectStore) -> None:
    assert store.abort_unfinished("") == []
    store.put("a/1", b"1")
    assert store.abort_unfinished("", timedelta(0)) == []
    assert store.list("") == ["a/1"]


def test_a_file_that_is_missing_is_named(store: ObjectStore, tmp_path: Path) -> None:
    with pytest.raises(ObjectStoreError, match=r"cannot read .*nowhere"):
        store.put_file("key", tmp_path / "nowhere")


def test_a_missing_object_is_named(store: ObjectStore, tmp_path: Path) -> None:
    target = tmp_path / "new" / "target"
    with pytest.raises(ObjectMissing, match="has no object no/such"):
        store.get("no/such")
    with pytest.raises(ObjectMissing, match="has no object no/such"):
        store.download("no/such", target)
    assert store.size("no/such") is None
    assert not list(target.parent.glob("*"))


def test_a_failed_download_keeps_the_file_that_was_there(
    store: ObjectStore, tmp_path: Path
) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"before")
    with pytest.raises(ObjectMissing):
        store.download("no/such", target)
    assert target.read_bytes() == b"before"


def test_list_takes_any_prefix_and_sorts(store: ObjectStore) -> None:
    keys = ["d/channels/x/000001.json", "d/v/000002/m.json", "d/v/000010/m.json", "d2/v/1"]
    for key in reversed(keys):
        store.put(key, b"")
    assert store.list("") == keys
    assert store.list("d/") == keys[:3]
    assert store.list("d/v/0000") == keys[1:3]
    assert store.list("d/v/000010/m.json") == [keys[2]]
    assert store.list("nothing/here") == []


def test_a_check_leaves_nothing_to_see_and_can_be_repeated(store: ObjectStore) -> None:
    store.check_writable()
    store.check_writable()
    assert store.list("") == []


def test_with_a_single_publisher_nothing_is_overwritten_either(store: ObjectStore) -> None:
    alone = open_store(store.uri, StoreOptions(single_publisher=True))
    alone.check_writable()
    assert alone.put("key", b"first")
    assert not alone.put("key", b"second")
    assert store.get("key") == b"first"


def test_a_key_that_is_no_plain_path_is_refused(store: ObjectStore) -> None:
    for key in ("", "/a", "a/", "a//b", "../a", "a/./b", ".prefline-tmp-1", "\0"):
        with pytest.raises(ValueError, match="not a key"):
            store.put(key, b"")
        with pytest.raises(ValueError, match="not a key"):
            store.size(key)


def test_prefixes_that_differ_behind_a_sharp_are_two_stores() -> None:
    one, other = (open_store(f"s3://bucket/team#{number}") for number in (1, 2))
    assert one.identity != other.identity


@pytest.mark.parametrize("uri", ["", "gs://bucket/x", "s3://", "s3:///x", "gs://[x"])
def test_an_address_of_another_kind_is_refused(uri: str) -> None:
    with pytest.raises(ObjectStoreError, match="not the address of a store"):
        open_store(uri)
