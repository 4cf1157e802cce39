"""Both kinds of store, and an S3 behind a proxy that can harm what comes through."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from prefline.objects import ObjectStore, open_store
from tests.fault_proxy import FaultProxy, fault_proxy
from tests.prefline.objects.lax_server import LaxServer, lax_server
from tests.s3_server import S3Server, use_environment


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    """An empty store."""
    if request.param == "folder":
        return open_store(str(tmp_path / "store"))
    server: S3Server = request.getfixturevalue("s3_server")
    return open_store(f"s3://{server.new_bucket()}/team/data")


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """No waiting between tries."""
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0)
    monkeypatch.setattr("prefline.objects.pauses._LONGEST_S", 0)


@dataclass
class Far:
    """A bucket that is reached through a proxy; `client` goes past it."""

    server: S3Server
    proxy: FaultProxy
    bucket: str

    @property
    def uri(self) -> str:
        return f"s3://{self.bucket}/data"

    def store(self) -> ObjectStore:
        """A store of its own, as another publisher would have it."""
        return open_store(self.uri)

    def uploads(self) -> list[str]:
        """The keys of unfinished uploads."""
        found = self.server.client.list_multipart_uploads(Bucket=self.bucket)
        return [upload["Key"] for upload in found.get("Uploads", [])]


@pytest.fixture
def far(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch, soon: None) -> Iterator[Far]:
    """An empty bucket behind a proxy without faults as yet; nobody waits between tries."""
    with fault_proxy(s3_server.endpoint) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        yield Far(s3_server, proxy, s3_server.new_bucket())


@pytest.fixture
def lax(monkeypatch: pytest.MonkeyPatch) -> Iterator[LaxServer]:
    with lax_server(LaxServer()) as server:
        use_environment(monkeypatch, server.environment)
        yield server


@pytest.fixture
def three_parts(tmp_path: Path) -> Path:
    """A file that is sent as parts of 8, 8 and 1 MiB."""
    path = tmp_path / "three-parts"
    path.write_bytes(os.urandom(17 << 20))
    return path
