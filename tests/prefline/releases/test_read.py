from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from prefline.errors import (
    ObjectStoreError,
    StoreUnreachable,
    VersionCorrupt,
    VersionNotFound,
)
from prefline.ids import content_hash
from prefline.releases import intact_manifests, locate, publish, read_manifest
from prefline.releases.manifest import decode
from prefline.storage import open_store
from tests.fault_proxy import fault_proxy
from tests.prefline.releases.drafts import draft, preference
from tests.s3_server import S3Server


@pytest.mark.parametrize(("wanted", "version"), [("", 2), ("@latest", 2), ("@1", 1), ("@2", 2)])
def test_a_version_is_found_by_number_or_channel(published: str, wanted: str, version: int) -> None:
    assert read_manifest(locate(published + wanted)).version == version


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        pytest.param("@7", "has no version 7", id="no such version"),
        pytest.param("@production", "no channel 'production'", id="no such channel"),
        pytest.param("x@1", "there is no dataset", id="no such dataset"),
        pytest.param("@\u00b2", "no channel", id="a digit that is no number"),
        pytest.param("@..", "no channel", id="out of the folder of channels"),
    ],
)
def test_what_is_not_there_is_named_with_what_is(published: str, uri: str, message: str) -> None:
    with pytest.raises(VersionNotFound, match=message):
        read_manifest(locate(published + uri))


@pytest.mark.parametrize("uri", ["demo", "store/..", "store/.@1", "store/demo@1@2"])
def test_a_uri_without_a_dataset_says_how_to_write_one(uri: str) -> None:
    with pytest.raises(VersionNotFound, match="write <store>/<dataset>@<version>"):
        locate(uri)


def test_a_store_may_have_an_at_in_its_address() -> None:
    for uri, wanted in (("me@home/store/demo", "latest"), ("s3://bucket/me@home/demo@3", "3")):
        at = locate(uri)
        assert (at.uri, at.wanted) == (uri.removesuffix("@3"), wanted)


def test_a_changed_manifest_is_refused(published: str) -> None:
    path = Path(published) / "versions/000001/manifest.json"
    changed = (
        path.read_bytes().replace(b'"rows": 5', b'"rows": 6', 1).replace(b'"train"', b'"test"')
    )

    with pytest.raises(VersionCorrupt, match="is damaged"):
        decode(changed, "here")


def test_importing_prefline_loads_nothing_heavy() -> None:
    import subprocess

    code = "import sys, prefline; print([m for m in ('pyarrow', 'datasets', 'boto3', 'prefect') if m in sys.modules])"  # noqa: E501
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert said.stdout.strip() == "[]"


def test_a_manifest_of_a_later_format_says_to_install_a_newer_version(published: str) -> None:
    path = Path(published) / "versions/000001/manifest.json"

    with pytest.raises(ObjectStoreError, match="install a newer version"):
        decode(path.read_bytes().replace(b'"format": 2', b'"format": 3'), "here")


def test_a_manifest_of_the_first_format_can_be_read() -> None:
    old = b"""{"card_sha256": "c", "content": "%s", "created_at": "2026-01-01T00:00:00+00:00",
      "dataset": "demo", "files": [{"bytes": 9, "rows": 5, "sha256": "%s", "split": "train"}],
      "format": 1, "license": "mit", "lineage": {}, "parent": null, "quality": {},
      "rows": {"train": 5},
      "schema": {"pair_id": "string"}, "validation": {}, "version": 1}"""
    content = content_hash([[("train", "a" * 64)], {"pair_id": "string"}])
    manifest = decode(old % (content.encode(), b"a" * 64), "here")

    assert manifest.rows == {"train": 5}
    assert (manifest.formats, manifest.major) == (["preference"], 1)


def test_a_manifest_is_fetched_once_and_again_where_the_bucket_was_filled_anew(
    published_s3: str, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    uri, bucket = published_s3.rpartition("/")[0], published_s3.split("/")[2]
    with fault_proxy(s3_server.endpoint) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        for _ in range(2):
            found = intact_manifests(open_store(uri), "demo")
            assert [one.rows for one in found] == [{"train": 5}, {"train": 5}]
        assert sum("manifest.json" in line for line in proxy.passed) == 2

        for one in s3_server.client.list_objects_v2(Bucket=bucket)["Contents"]:
            s3_server.client.delete_object(Bucket=bucket, Key=one["Key"])
        time.sleep(1)  # S3 tells seconds
        publish(open_store(uri), draft(tmp_path / "other", [preference(n) for n in range(3)]))
        assert [one.rows for one in intact_manifests(open_store(uri), "demo")] == [{"train": 3}]


def test_what_the_cache_knows_is_believed_only_if_it_is_whole(
    published_s3: str, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = locate(published_s3)
    read_manifest(at)
    whole = intact_manifests(at.store, at.dataset)
    for path in (cache / "known").rglob("*.json"):
        stat = path.stat()
        path.write_bytes(b"?" * stat.st_size)
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))

    with monkeypatch.context() as offline:
        offline.setenv("PREFLINE_OFFLINE", "1")
        with pytest.raises(StoreUnreachable, match="never read"):
            read_manifest(at)
    assert intact_manifests(at.store, at.dataset) == whole


def test_a_cache_that_cannot_be_used_does_not_keep_from_reading(
    published_s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"no folder")
    monkeypatch.setenv("PREFLINE_CACHE", str(tmp_path / "file"))
    at = locate(published_s3)

    assert read_manifest(at).version == len(intact_manifests(at.store, at.dataset)) == 2
