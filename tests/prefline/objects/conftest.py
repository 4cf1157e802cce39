"""Both kinds of store, so that every test of the contract is a test of each."""

from __future__ import annotations

from pathlib import Path

import pytest

from prefline.objects import ObjectStore, open_store
from tests.s3_server import S3Server


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    """An empty store."""
    if request.param == "folder":
        return open_store(str(tmp_path / "store"))
    server: S3Server = request.getfixturevalue("s3_server")
    return open_store(f"s3://{server.new_bucket()}/team/data")
