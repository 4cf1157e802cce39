from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from prefline.cli.app import app
from prefline.errors import InputError
from prefline.ids import sha256_of
from prefline.releases import locate, publish
from prefline.releases.channels import read_channel
from prefline.releases.gc import GcRules, collect_garbage
from prefline.releases.models import publish_model
from prefline.releases.recall import touched_versions
from prefline.releases.versions import withdraw
from prefline.reward.models import Trained, write_trained
from prefline.storage import open_store
from tests.prefline.releases.drafts import draft, preference


@pytest.fixture
def recalled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store_uri: str) -> str:
    """A dataset of three versions: of the verifier, of `big` and `bad`, of `bad` in the fit alone;
    a model was trained on the second."""
    monkeypatch.setenv("PREFLINE_CACHE", str(tmp_path / "cache"))
    store = open_store(store_uri)
    rows = [preference(n) for n in range(4)]
    judged = [row | {"judges": name} for row, name in
              zip(rows, ["big,bad", "bad", "big", "badger"], strict=True)]  # fmt: skip
    for number, (some, judges) in enumerate(
        [(rows, ["verifier"]), (judged, ["bad", "badger", "big"]), (rows[:3], ["bad", "big"])]
    ):
        made = draft(tmp_path / str(number), some)
        publish(store, replace(made, lineage={"judges": judges}))
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "policy.gguf").write_bytes(b"GGUF")
    data = {"store": "s", "dataset": "demo", "version": 2, "content": "c"}
    files = {"policy.gguf": sha256_of(folder / "policy.gguf")}
    write_trained(folder, Trained("policy", "demo-2-dpo", data, "base", {}, {}, files))
    publish_model(store, "demo", "demo-2-dpo", folder)
    return f"{store_uri}/demo"


def run(*arguments: str) -> dict[str, Any]:
    done = CliRunner().invoke(app, ["recall", *arguments, "--json"])
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_versions_rows_and_models_that_a_judge_touched_are_named(recalled: str) -> None:
    second, third = touched_versions(locate(recalled), "bad")

    assert (second.version, second.rows, second.alone, second.of) == (2, {"train": 2}, 1, 4)
    assert (second.fitted, second.models, second.channels) == (True, ["demo-2-dpo"], [])
    assert (third.version, third.count, third.fitted, third.channels) == (3, 0, True, ["latest"])
    assert [one.version for one in touched_versions(locate(recalled), "badger")] == [2]


def test_nothing_is_changed_without_a_word_for_it(recalled: str) -> None:
    found = run(recalled, "--judge", "bad")

    assert [version["version"] for version in found["versions"]] == [2, 3]
    assert found["models"] == ["demo-2-dpo"]
    assert found["withdrawn"] == []
    at = locate(recalled)
    assert read_channel(at.store, at.dataset, "latest") == 3


def test_with_a_reason_all_of_them_are_withdrawn_and_channels_lead_past_them(recalled: str) -> None:
    found = run(recalled, "--judge", "bad", "--yank", "its provider changed the model")
    again = CliRunner().invoke(app, ["recall", recalled, "--judge", "bad", "--yank", "once more"])

    assert found["withdrawn"] == [2, 3]
    assert found["channels"] == {"latest": 1}
    assert "WITHDRAWN: its provider changed the model" in again.stdout
    assert "withdrawn: none that was not withdrawn before" in again.stdout
    at = locate(recalled)
    assert read_channel(at.store, at.dataset, "latest") == 1


def test_a_version_whose_rows_are_gone_is_still_named(recalled: str) -> None:
    at = locate(recalled)
    withdraw(replace(at, wanted="2"), "old")
    from datetime import timedelta

    collect_garbage(at.store, at.dataset, GcRules(timedelta(0), yanked=True))
    second, _ = touched_versions(at, "bad")

    assert (second.version, second.files_deleted, second.fitted) == (2, True, True)
    text = CliRunner().invoke(app, ["recall", recalled, "--judge", "bad"]).stdout
    assert "its rows were deleted since" in text


def test_a_judge_that_nobody_knows_is_an_error_that_names_those_there_are(recalled: str) -> None:
    done = CliRunner().invoke(app, ["recall", recalled, "--judge", "nobody"])

    assert isinstance(done.exception, InputError)
    assert "bad, badger, big, verifier" in done.exception.remedy


@pytest.mark.parametrize("reason", ["", "  ", "two\nlines"])
def test_an_empty_or_broken_reason_withdraws_nothing(recalled: str, reason: str) -> None:
    done = CliRunner().invoke(app, ["recall", recalled, "--judge", "bad", "--yank", reason])

    assert isinstance(done.exception, InputError)
    assert read_channel(locate(recalled).store, "demo", "latest") == 3
