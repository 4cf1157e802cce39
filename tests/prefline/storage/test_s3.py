"""What only S3 can do wrong, and what is said about it."""

from __future__ import annotations

import socket
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from prefline.errors import (
    DiskFull,
    ObjectStoreError,
    StoreUnsafe,
    StoreUnwritable,
)
from prefline.storage import StoreOptions, open_store
from tests.prefline.storage.lax_server import LaxServer
from tests.s3_server import S3Server


def test_the_root_of_a_bucket_is_a_store_too(s3_server: S3Server) -> None:
    bucket = s3_server.new_bucket()
    store = open_store(f"s3://{bucket}")
    assert store.put("a/b", b"x")
    assert store.list("") == ["a/b"]
    assert open_store(f"s3://{bucket}/a").list("") == ["b"]


def test_a_list_of_several_pages_is_whole(s3_server: S3Server) -> None:
    store = open_store(f"s3://{s3_server.new_bucket()}/x")
    keys = [f"k/{n}" for n in range(7)]
    for key in keys:
        store.put(key, b"")

    def shrink_pages(params: dict[str, Any], **_: object) -> None:
        params["MaxKeys"] = 2

    events = store._client.meta.events  # type: ignore[attr-defined]
    events.register("before-parameter-build.s3.ListObjectsV2", shrink_pages)
    assert store.list("k/") == keys


def test_a_publish_after_the_first_probes_with_one_request(lax: LaxServer) -> None:
    lax.honours_conditions = True
    open_store("s3://bucket/x").check_writable()
    assert lax.requests == ["PUT", "PUT"]
    open_store("s3://bucket/x").check_writable()
    assert lax.requests == ["PUT", "PUT", "PUT"]


def test_a_wrong_key_is_a_refusal_that_names_the_variables(
    s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = f"s3://{s3_server.new_bucket()}/x"
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    store = open_store(uri)
    for write in (store.check_writable, lambda: store.put("key", b"")):
        with pytest.raises(StoreUnwritable, match=r"access is denied .*SignatureDoesNotMatch") as e:
            write()
        assert "AWS_SECRET_ACCESS_KEY" in e.value.remedy
    with pytest.raises(ObjectStoreError, match="access is denied") as caught:
        store.size("key")
    assert type(caught.value) is ObjectStoreError


def test_a_missing_bucket_is_named_on_writing(lax: LaxServer) -> None:
    lax.errors_to_come = [(404, "NoSuchBucket")]
    with pytest.raises(StoreUnwritable, match="s3://bucket/x: there is no such bucket"):
        open_store("s3://bucket/x").check_writable()


def test_a_missing_bucket_is_named_on_reading(s3_server: S3Server) -> None:
    store = open_store("s3://no-such-bucket/x")
    with pytest.raises(ObjectStoreError, match="s3://no-such-bucket/x: there is no such bucket"):
        store.list("")
    with pytest.raises(ObjectStoreError, match="there is no such bucket"):
        store.get("key")


def test_missing_credentials_name_the_variables(
    s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(StoreUnwritable, match="no credentials") as caught:
        open_store("s3://bucket/x").check_writable()
    assert "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY" in caught.value.remedy


def test_a_profile_that_does_not_exist_is_named(
    s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(StoreUnwritable, match="nobody"):
        open_store("s3://bucket/x")


@pytest.mark.parametrize("call", ["check_writable", "get", "download"])
def test_a_server_that_is_not_there_is_named(
    s3_server: S3Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, call: str
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{unused.getsockname()[1]}"
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
        arguments = {"check_writable": (), "get": ("k",), "download": ("k", tmp_path / "f")}
        with pytest.raises(ObjectStoreError, match=f"cannot be reached .*{endpoint}") as caught:
            getattr(open_store("s3://bucket/x"), call)(*arguments[call])
    assert "AWS_ENDPOINT_URL" in caught.value.remedy


def test_an_endpoint_that_is_no_url_is_named(
    s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "127.0.0.1:8333")
    with pytest.raises(ObjectStoreError, match=r"127\.0\.0\.1:8333"):
        open_store("s3://bucket/x")


@pytest.mark.parametrize("knows", [True, False], ids=["ignores-the-condition", "answers-501"])
def test_a_server_without_create_if_absent_is_refused(lax: LaxServer, knows: bool) -> None:
    lax.knows_conditions = knows
    with pytest.raises(StoreUnsafe, match=r"two publishers .* stay right") as caught:
        open_store("s3://bucket/x").check_writable()
    assert "publish.single_publisher: true" in caught.value.remedy


@pytest.mark.parametrize("knows", [True, False], ids=["ignores-the-condition", "answers-501"])
def test_a_single_publisher_may_use_it_and_overwrites_nothing(lax: LaxServer, knows: bool) -> None:
    lax.knows_conditions = knows
    store = open_store("s3://bucket/x", StoreOptions(single_publisher=True))
    store.check_writable()
    assert store.put("key", b"first")
    assert not store.put("key", b"second")
    assert lax.objects["/bucket/x/key"] == b"first"


def test_a_put_whose_answer_was_lost_is_known_as_ones_own(lax: LaxServer) -> None:
    lax.honours_conditions = True
    lax.errors_to_come = [(500, "InternalError")]
    store = open_store("s3://bucket/x")
    assert store.put("key", b"mine")
    assert lax.requests == ["PUT", "PUT", "GET"]


def test_a_conflict_is_tried_again(lax: LaxServer) -> None:
    lax.stores_before_errors = False
    lax.errors_to_come = [(409, "ConditionalRequestConflict")] * 2
    assert open_store("s3://bucket/x").put("key", b"mine")
    assert lax.objects["/bucket/x/key"] == b"mine"


def test_slow_down_is_tried_again_and_then_one_clear_error(lax: LaxServer) -> None:
    lax.stores_before_errors = False
    lax.errors_to_come = [(503, "SlowDown")] * 4
    store = open_store("s3://bucket/x")
    assert store.put("key", b"")
    lax.errors_to_come = [(503, "SlowDown")] * 5
    with pytest.raises(ObjectStoreError, match="503 to PutObject"):
        store.put("other", b"")


def test_a_store_that_is_full_says_so(lax: LaxServer) -> None:
    lax.stores_before_errors = False
    lax.errors_to_come = [(507, "XMinioStorageFull")]
    with pytest.raises(DiskFull, match="the store is full"):
        open_store("s3://bucket/x").put("key", b"")


@pytest.mark.parametrize("call", ["get", "download"])
def test_a_body_that_breaks_off_is_read_again(lax: LaxServer, tmp_path: Path, call: str) -> None:
    lax.objects["/bucket/x/key"] = b"0123456789" * 100
    store, target = open_store("s3://bucket/x"), tmp_path / "new" / "target"

    def read() -> bytes:
        if call == "get":
            return store.get("key")
        store.download("key", target)
        return target.read_bytes()

    lax.bodies_to_break = 2
    assert read() == b"0123456789" * 100
    target.unlink(missing_ok=True)
    lax.bodies_to_break = 20
    with pytest.raises(ObjectStoreError, match="could not be read to its end") as caught:
        read()
    assert "again" in caught.value.remedy
    assert not list(tmp_path.rglob("*target*"))


def test_memory_does_not_grow_with_the_file(s3_server: S3Server, tmp_path: Path) -> None:
    store = open_store(f"s3://{s3_server.new_bucket()}")
    source = tmp_path / "source"
    with source.open("wb") as file:
        file.truncate(128 << 20)
    tracemalloc.start()
    try:
        assert store.put_file("large", source)
        store.download("large", tmp_path / "target")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (tmp_path / "target").stat().st_size == 128 << 20
    assert peak < 110 << 20
