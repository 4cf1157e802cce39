"""A store that somebody else writes: manifests, entries and models that reach for what is not
theirs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from prefline.cli.app import app
from prefline.cli.output import report_error
from prefline.errors import DamagedWarning, PreflineError, VersionCorrupt
from prefline.releases import publish
from prefline.releases.manifest import Manifest, decode
from prefline.releases.models import publish_model
from prefline.storage import open_store
from tests.prefline.releases.drafts import draft, preference

RUN = CliRunner()


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store with two versions and a model of `demo`."""
    target = open_store(str(tmp_path / "store"))
    for number in (1, 2):
        publish(target, draft(tmp_path / f"draft{number}", [preference(number)]))
    model = tmp_path / "model"
    model.mkdir()
    (model / "model.json").write_text('{"name": "m", "kind": "k", "data": {}, "files": {}}')
    publish_model(target, "demo", "m", model)
    return tmp_path / "store"


def rewrite(path: Path, change: dict[str, Any]) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | change))


def manifest_path(store: Path) -> Path:
    return store / "demo/versions/000002/manifest.json"


NAMES = ["../../X", "/etc/X", "..", "a/b", "", "a\\b", "a\n", ".hidden", "x" * 200]


@pytest.mark.parametrize("field", ["split", "format", "sha256"])
@pytest.mark.parametrize("name", NAMES)
def test_no_name_of_a_manifest_leads_out_of_the_folder(
    store: Path, tmp_path: Path, field: str, name: str
) -> None:
    manifest = json.loads(manifest_path(store).read_text())
    files = [file | {field: name} for file in manifest["files"]]
    rewrite(manifest_path(store), {"files": files})
    before = {path for path in tmp_path.rglob("*") if "got" not in path.parts}

    for command, *arguments in (("get", str(tmp_path / "got")), ("verify",), ("show",)):
        done = RUN.invoke(app, [command, f"{store}/demo@2", *arguments])
        assert isinstance(done.exception, VersionCorrupt), command
        assert f"the {'hash' if field == 'sha256' else field} " in str(done.exception)
    assert {path for path in tmp_path.rglob("*") if "got" not in path.parts} == before


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
FIELDS = sorted([*Manifest.__dataclass_fields__, "content", "rows", "more"])


@given(st.sampled_from(FIELDS), JSON)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_manifest_is_read_or_said_to_be_damaged(store: Path, field: str, value: Any) -> None:
    crafted = json.loads(manifest_path(store).read_text()) | {field: value}
    for data in (crafted, value, {field: value}):
        try:
            manifest = decode(json.dumps(data).encode(), "here", 2)
        except PreflineError:
            continue
        assert decode(manifest.encode(), "here", 2) == manifest


def test_the_manifest_of_another_version_is_none_of_this_one(store: Path) -> None:
    first = (store / "demo/versions/000001/manifest.json").read_bytes()
    manifest_path(store).write_bytes(first)

    done = RUN.invoke(app, ["show", f"{store}/demo@2"])

    assert "it is that of version 1" in str(done.exception)


@pytest.mark.parametrize("entry", [b"", b"[]", b"{}", b'{"version": "2"}', b'{"version": true}'])
def test_a_damaged_channel_is_said_and_the_versions_listed(store: Path, entry: bytes) -> None:
    (store / "demo/channels/latest/000003.json").write_bytes(entry)

    with pytest.warns(DamagedWarning, match=r"latest/000003\.json is damaged"):
        done = RUN.invoke(app, ["versions", f"{store}/demo", "--json"])
    assert [row["version"] for row in json.loads(done.stdout)["versions"]] == [1, 2]
    for command in (["show", f"{store}/demo@latest"], ["channel", f"{store}/demo", "latest"]):
        assert isinstance(RUN.invoke(app, command).exception, VersionCorrupt)


@pytest.mark.parametrize("entry", [b"", b"3", b'{"yanked": 1}', b'{"yanked": true, "at": 5}'])
def test_a_version_with_a_damaged_withdrawal_counts_as_withdrawn(store: Path, entry: bytes) -> None:
    folder = store / "demo/versions/000002/yanked"
    folder.mkdir()
    (folder / "000001.json").write_bytes(entry)

    done = RUN.invoke(app, ["versions", f"{store}/demo", "--json"])

    data = json.loads(done.stdout)
    assert "is damaged" in data["versions"][1]["yanked"]
    assert data["channels"] == {"latest": 1}
    # Its age is not known, so its files stay.
    found = RUN.invoke(app, ["gc", f"{store}/demo", "--yanked", "--grace-days", "0.01", "--json"])
    assert json.loads(found.stdout)["versions"] == []


def test_no_file_of_a_model_leads_out_of_its_folder(store: Path, tmp_path: Path) -> None:
    (store / "demo/models/m/a\\..\\b").write_text("x")

    done = RUN.invoke(app, ["models", f"{store}/demo", "m", str(tmp_path / "model")])

    assert isinstance(done.exception, VersionCorrupt)
    assert "could lead out of the folder" in str(done.exception)


def test_a_damaged_note_of_a_model_is_said(store: Path) -> None:
    (store / "demo/models/m/model.json").write_text('{"name": "m"}')

    done = RUN.invoke(app, ["models", f"{store}/demo"])

    assert isinstance(done.exception, VersionCorrupt)
    assert "kind is missing or no str" in str(done.exception)


def test_a_terminal_is_sent_no_escape_of_a_foreign_store(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    escape = "\x1b]0;owned\x07\x9b31m\u202e"
    rewrite(
        store / "demo/versions/000002/manifest.json",
        {"forced": {"reason": f"because {escape}", "failed": [], "at": "now"}},
    )
    (store / "demo/versions/000002/README.md").write_text(f"---\na: b\n---\n# card {escape}")
    shown = [
        RUN.invoke(app, ["versions", f"{store}/demo"]).output,
        RUN.invoke(app, ["show", f"{store}/demo@2"]).output,
    ]
    report_error(VersionCorrupt(f"bad {escape}", "remedy"), as_json=False)
    shown.append(capsys.readouterr().err)
    for text in shown:
        assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(text)
    assert "because \\u001b]0;owned\\u0007" in shown[0]
    assert "card \\u001b]0;owned\\u0007" in shown[1]
