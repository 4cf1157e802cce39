"""Both kinds of store, and a dataset of two versions in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from prefline.releases import publish
from prefline.storage import open_store
from tests.prefline.releases.drafts import two_versions
from tests.s3_server import S3Server


@pytest.fixture(params=["folder", "s3"])
def store_uri(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty store."""
    if request.param == "folder":
        return str(tmp_path / "store")
    server: S3Server = request.getfixturevalue("s3_server")
    return f"s3://{server.new_prefix()}/team"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A reader's cache, empty."""
    monkeypatch.setenv("PREFLINE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "hf")
    return tmp_path / "cache"


@pytest.fixture
def published(tmp_path: Path, cache: Path) -> str:
    """A folder store with two versions of `demo`; gives the dataset's URI."""
    store = open_store(str(tmp_path / "store"))
    for one in two_versions(tmp_path / "drafts"):
        publish(store, one)
    return f"{tmp_path}/store/demo"


@pytest.fixture
def published_s3(tmp_path: Path, cache: Path, s3_server: S3Server) -> str:
    """The same in a bucket."""
    uri = f"s3://{s3_server.new_bucket()}/team"
    for one in two_versions(tmp_path / "drafts"):
        publish(open_store(uri), one)
    return f"{uri}/demo"
