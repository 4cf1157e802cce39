"""Both kinds of store, and an S3 behind a proxy that can harm what comes through."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from prefline.storage import ObjectStore, open_store
from tests.fault_proxy import FaultProxy, fault_proxy
from tests.prefline.storage.lax_server import LaxServer, lax_server
from tests.s3_server import S3Server, use_environment

PART = 5 << 20
"""Bytes of a part in tests of faults: the least that S3 takes."""
BLOCK = 1 << 20


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    """An empty store."""
    if request.param == "folder":
        return open_store(str(tmp_path / "store"))
    server: S3Server = request.getfixturevalue("s3_server")
    return open_store(f"s3://{server.new_prefix()}/data")


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """No waiting between tries."""
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0)
    monkeypatch.setattr("prefline.storage.s3._LONGEST_WAIT_S", 0)


@dataclass
class Far:
    """An S3 that is reached through a proxy; `client` goes past it."""

    server: S3Server
    proxy: FaultProxy
    bucket: str
    prefix: str

    @property
    def uri(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}"

    @cached_property
    def store(self) -> ObjectStore:
        return open_store(self.uri)

    @property
    def client(self) -> Any:
        """A client of boto3 that goes past the proxy."""
        return self.server.client

    def address(self, key: str) -> dict[str, str]:
        """How boto3 is told of an object."""
        return {"Bucket": self.bucket, "Key": f"{self.prefix}/{key}"}

    def uploads(self) -> list[str]:
        """The keys of unfinished uploads."""
        found = self.client.list_multipart_uploads(Bucket=self.bucket, Prefix=f"{self.prefix}/")
        return [
            upload["Key"].removeprefix(f"{self.prefix}/") for upload in found.get("Uploads", [])
        ]


@pytest.fixture
def far(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch, soon: None) -> Iterator[Far]:
    """A store behind a proxy without faults as yet; parts are small and nobody waits."""
    monkeypatch.setattr("prefline.storage.s3.PART_BYTES", PART)
    with fault_proxy(s3_server.endpoint) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        yield Far(s3_server, proxy, *s3_server.new_prefix().split("/"))


@pytest.fixture
def lax(monkeypatch: pytest.MonkeyPatch, soon: None) -> Iterator[LaxServer]:
    """A server with S3's words and few of its manners."""
    with lax_server(LaxServer()) as server:
        use_environment(monkeypatch, server.environment)
        yield server


@pytest.fixture
def three_parts(tmp_path: Path) -> Path:
    """A file of two parts and a little."""
    path = tmp_path / "three-parts"
    path.write_bytes(os.urandom(2 * PART + 1000))
    return path


@pytest.fixture
def two_parts(tmp_path: Path) -> Path:
    """A file of one part and a little."""
    path = tmp_path / "two-parts"
    path.write_bytes(os.urandom(PART + 1000))
    return path


@pytest.fixture
def two_blocks(tmp_path: Path) -> Path:
    """A file that is read in two blocks, and sent whole."""
    path = tmp_path / "two-blocks"
    path.write_bytes(os.urandom(2 * BLOCK))
    return path
