from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from prefline.config import PUBLISH_FORMATS, HubParams, PublishParams, S3Params
from prefline.errors import ObjectStoreError
from prefline.project import Project
from prefline.storage import open_store


def test_preference_is_always_the_first_format_and_no_format_is_there_twice() -> None:
    given: Any = ["sft", "kto", "sft"]

    assert PublishParams().formats == ("preference",)
    assert PublishParams(formats=given).formats == ("preference", "kto", "sft")
    assert PublishParams(formats=tuple(PUBLISH_FORMATS.builtin)).formats[0] == "preference"


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        pytest.param({"endpoint_url": "minio:9000"}, "must begin with http", id="no scheme"),
        pytest.param({"endpoint_url": "http://me:pw@host"}, "holds a password", id="password"),
        pytest.param({"kms_key": "k"}, "with encryption: aws:kms only", id="key of no use"),
        pytest.param({"addressing": "dns"}, "'auto', 'path' or 'virtual'", id="addressing"),
    ],
)
def test_an_s3_that_cannot_be_meant_is_refused(values: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        S3Params(**values)


@pytest.mark.parametrize(
    "store", ["gs://bucket/x", "http://host/x", "file:///x", "az://c/x", "S3://bucket/x", "a\0b"]
)
def test_an_address_that_is_no_store_is_refused_and_no_folder_of_its_name_made(
    store: str, tmp_path: Path
) -> None:
    with pytest.raises(ValidationError, match=r"is no scheme of a store|cannot be printed"):
        PublishParams(store=store)
    if "://" in store:
        with pytest.raises(ObjectStoreError):
            open_store(Project(tmp_path).store_uri(store))


@pytest.mark.parametrize("repo", ["prefs", "team/", "https://hub/team/prefs", "team/a/b"])
def test_a_repository_is_named_by_organisation_and_name(repo: str) -> None:
    with pytest.raises(ValidationError):
        HubParams(repo=repo)


def test_a_major_number_is_positive() -> None:
    with pytest.raises(ValidationError):
        PublishParams(major=0)
