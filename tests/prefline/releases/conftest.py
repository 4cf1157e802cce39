"""Both kinds of store."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.s3_server import S3Server


@pytest.fixture(params=["folder", "s3"])
def store_uri(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty store."""
    if request.param == "folder":
        return str(tmp_path / "store")
    server: S3Server = request.getfixturevalue("s3_server")
    return f"s3://{server.new_bucket()}/team"
