from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from prefline.cli.doctor import Finding, diagnose
from prefline.project import Project
from prefline.simulator import SimulatorConfig
from prefline.tables import read_table
from tests.prefline.report.projects import empty_project, full_project, save
from tests.s3_server import S3Server
from tests.simulated import threaded_server


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


def found_in(project: Project, **sections: object) -> dict[str, Finding]:
    """Every check by its name, with some sections of params otherwise."""
    params = yaml.safe_load(project.params.read_text())
    params["generate"]["endpoints"] = [{"base_url": "local"}]
    params["judge"]["judges"] = [{"name": "verifier", "method": "verifier"}]
    project.params.write_text(yaml.safe_dump(params | sections))
    return {one.check: one for one in diagnose(project)}


def test_the_store_of_shards_is_tried_where_it_is_used(tmp_path: Path) -> None:
    project, check = empty_project(tmp_path), "store of shards"
    there = {"executor": "prefect", "store": str(tmp_path / "runs")}
    found = found_in(project, run=there)
    assert found[check].ok
    assert "can be written" in found[check].detail
    assert "not used" in found_in(project, run=there | {"executor": "local"})[check].detail

    wrong = found_in(project, run={"executor": "prefect", "store": "/proc/runs"})[check]
    assert not wrong.ok
    assert "a folder that this user may write to" in wrong.remedy


def test_weights_of_ones_own_are_looked_for(tmp_path: Path) -> None:
    project = empty_project(tmp_path)
    (project.root / "mine.gguf").write_bytes(b"GGUF")
    there = {"base_url": "local", "model": "mine", "weights": "mine.gguf"}
    gone = {"base_url": "local", "model": "gone", "weights": "gone.gguf"}
    found = found_in(
        project,
        train={"method": "reward_head", "endpoint": gone},
        evaluate={"policy": {"endpoint": there}},
    )

    assert found["endpoint of mine"].ok
    assert not found["endpoint of gone"].ok
    assert "gone.gguf" in found["endpoint of gone"].detail


@pytest.mark.parametrize("is_there", [True, False])
def test_what_tuning_needs_is_asked_for_where_something_is_tuned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_there: bool
) -> None:
    packages = "prefline.reward.language_models.PACKAGES"
    monkeypatch.setattr(packages, () if is_there else ("no_such_package",))
    found = found_in(empty_project(tmp_path), train={"method": "dpo"})

    assert found["training"].ok is is_there
    assert (found["training"].remedy is None) is is_there
    assert "training" not in found_in(
        empty_project(tmp_path / "other"), train={"method": "reward_head"}
    )


def test_a_key_that_is_not_set_is_told_once(tmp_path: Path) -> None:
    project, strong = empty_project(tmp_path), {
        "base_url": "http://127.0.0.1:9/v1", "model": "sim-strong", "key_env": "PREFLINE_UNSET",
    }  # fmt: skip
    found_in(project, generate={"endpoints": [strong]}, evaluate={"policy": {"endpoint": strong}})

    failed = [one.check for one in diagnose(project, call=True) if "UNSET" in one.detail]
    assert failed == ["endpoint of sim-strong"]


@pytest.mark.parametrize("key", ["right", "wrong"])
def test_a_key_that_may_not_list_models_is_told_from_a_wrong_one_by_a_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("PREFLINE_TEST_KEY", key)
    project = empty_project(tmp_path)
    with threaded_server(SimulatorConfig(key="right", list_models=False)) as server:
        strong = {
            "base_url": server.base_url,
            "model": "sim-strong",
            "key_env": "PREFLINE_TEST_KEY",
        }
        found_in(
            project, generate={"endpoints": [strong]}, evaluate={"policy": {"endpoint": strong}}
        )
        free = {one.check: one for one in diagnose(project)}
        called = {one.check: one for one in diagnose(project, call=True)}

    assert not free["endpoint of sim-strong"].ok
    assert "doctor --call" in (free["endpoint of sim-strong"].remedy or "")
    assert called["endpoint of sim-strong"].ok
    assert called["call of generate to sim-strong"].ok is (key == "right")


def test_a_check_of_prompts_that_cannot_be_made_here_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = full_project(tmp_path)
    assert found_in(project)["checks"].ok
    rows = read_table(project.table("prompts")).to_pylist()
    rows[0]["verifier"] = '{"kind": "code", "tests": "assert True"}'
    save(project, "prompts", rows)
    monkeypatch.setattr(
        "prefline.verifiers.sandbox.what_is_missing", lambda: ("no bwrap", "get it")
    )
    found = found_in(project)["checks"]
    assert not found.ok
    assert "'code'" in found.detail
    assert "get it" in (found.remedy or "")
