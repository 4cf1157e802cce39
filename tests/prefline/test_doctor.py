from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from prefline.doctor import Finding, diagnose
from prefline.project import Project
from tests.prefline.report.projects import empty_project
from tests.s3_server import S3Server


def store_of(project: Project, **publish: object) -> Finding:
    """What is said of the object store; nobody listens where the models are to be."""
    params = yaml.safe_load(project.params.read_text())
    local = {"base_url": "local"}
    params["generate"]["endpoints"] = [local]
    params["judge"]["judges"] = [{"name": "verifier", "method": "verifier"}]
    project.params.write_text(yaml.safe_dump(params | {"publish": publish}))
    return next(one for one in diagnose(project) if one.check == "object store")


def test_the_store_is_checked_with_the_options_of_params(
    tmp_path: Path, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, where = empty_project(tmp_path), f"s3://{s3_server.new_bucket()}/team"
    for name in ("AWS_ENDPOINT_URL", "AWS_REGION"):
        monkeypatch.delenv(name)
    right = {"endpoint_url": s3_server.endpoint, "addressing": "path", "region": "us-east-1"}

    assert store_of(project, store=where, s3=right).ok
    wrong = store_of(project, store=where, s3=right | {"profile": "nobody"})
    assert not wrong.ok
    assert wrong.remedy


def test_an_option_that_a_folder_cannot_keep_is_said(tmp_path: Path) -> None:
    found = store_of(empty_project(tmp_path), store="store", s3={"encryption": "AES256"})

    assert not found.ok
    assert "is a folder" in found.detail
