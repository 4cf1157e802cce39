from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from prefline.cli.app import app
from prefline.errors import VersionCorrupt, VersionNotFound
from prefline.ids import sha256_of
from prefline.releases import locate
from prefline.releases.models import fetch_model, list_models, publish_model
from prefline.reward.models import Trained, write_trained
from prefline.storage import open_store

NAME = "demo-1-dpo-12ab34cd"


def model_in(folder: Path) -> Path:
    (folder / "hf").mkdir(parents=True)
    (folder / "hf" / "config.json").write_text("{}")
    (folder / "policy.gguf").write_bytes(b"GGUF" * 100)
    (folder / "README.md").write_text("# card")
    files = {name: sha256_of(folder / name) for name in ("hf/config.json", "policy.gguf")}
    data = {"store": "s", "dataset": "demo", "version": 1, "content": "c"}
    write_trained(folder, Trained("policy", NAME, data, "base", {}, {}, files))
    return folder


def test_a_model_comes_back_as_it_was_published(tmp_path: Path) -> None:
    folder, at = model_in(tmp_path / "model"), locate(f"{tmp_path}/store/demo")
    store = open_store(f"{tmp_path}/store")
    uri = publish_model(store, "demo", NAME, folder)

    assert publish_model(store, "demo", NAME, folder) == uri
    assert [one["name"] for one in list_models(at)] == [NAME]
    fetch_model(at, NAME, tmp_path / "copy")
    for path in folder.rglob("*"):
        if path.is_file():
            copy = tmp_path / "copy" / path.relative_to(folder)
            assert copy.read_bytes() == path.read_bytes()


def test_the_note_is_written_last_so_that_half_a_model_is_none(tmp_path: Path) -> None:
    folder = model_in(tmp_path / "model")
    (folder / "model.json").unlink()
    publish_model(open_store(f"{tmp_path}/store"), "demo", NAME, folder)
    at = locate(f"{tmp_path}/store/demo")

    assert list_models(at) == []
    with pytest.raises(VersionNotFound, match="has no model"):
        fetch_model(at, NAME, tmp_path / "copy")


def test_a_file_that_somebody_changed_is_told(tmp_path: Path) -> None:
    publish_model(open_store(f"{tmp_path}/store"), "demo", NAME, model_in(tmp_path / "model"))
    there = tmp_path / "store/demo/models" / NAME / "policy.gguf"
    there.chmod(0o644)
    there.write_bytes(b"other")

    with pytest.raises(VersionCorrupt, match=r"policy\.gguf is not the file"):
        fetch_model(locate(f"{tmp_path}/store/demo"), NAME, tmp_path / "copy")


def test_the_command_lists_and_downloads(tmp_path: Path) -> None:
    publish_model(open_store(f"{tmp_path}/store"), "demo", NAME, model_in(tmp_path / "model"))
    uri = f"{tmp_path}/store/demo"
    listed = CliRunner().invoke(app, ["models", uri])
    fetched = CliRunner().invoke(app, ["models", uri, NAME, str(tmp_path / "copy")])

    assert "policy, from version 1, base base" in listed.output
    assert fetched.exit_code == 0
    assert (tmp_path / "copy" / "model.json").is_file()


def test_a_dataset_that_is_not_there_has_no_list_of_models(tmp_path: Path) -> None:
    with pytest.raises(VersionNotFound, match="there is no dataset at"):
        list_models(locate(f"{tmp_path}/store/none"))
