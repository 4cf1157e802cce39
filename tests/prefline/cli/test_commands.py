from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from prefline.cli import main
from prefline.cli.app import app
from prefline.errors import (
    DamagedWarning,
    InputError,
    VersionCorrupt,
    VersionNotFound,
    YankedWarning,
)
from prefline.releases import publish
from prefline.simulator import SimulatedServer, SimulatorConfig, simulated_server
from prefline.storage import open_store
from tests.flows.projects import make_project
from tests.forked import command
from tests.prefline.releases.drafts import draft, preference

RUN = CliRunner()


@pytest.fixture
def dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URI of a dataset with two versions."""
    monkeypatch.setenv("PREFLINE_CACHE", str(tmp_path / "cache"))
    store = open_store(str(tmp_path / "store"))
    publish(store, draft(tmp_path / "one", [preference(1)]))
    publish(store, draft(tmp_path / "two", [preference(1), preference(2)]))
    return f"{tmp_path}/store/demo"


def told(*arguments: str, code: int = 0) -> dict[str, object]:
    """What a command says with `--json`."""
    done = RUN.invoke(app, [*arguments, "--json"])
    assert done.exit_code == code, done.output
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_versions_lists_them_with_their_channels(dataset: str) -> None:
    found = told("versions", dataset)

    assert [one["version"] for one in found["versions"]] == [1, 2]
    assert found["channels"] == {"latest": 2}


def test_show_tells_the_manifest(dataset: str) -> None:
    assert told("show", f"{dataset}@1")["rows"] == {"train": 1}
    assert "# 1 rows" in RUN.invoke(app, ["show", f"{dataset}@1"]).stdout


def test_diff_tells_what_was_added(dataset: str) -> None:
    assert told("diff", f"{dataset}@1", f"{dataset}@2")["added"] == 1


def test_diff_writes_a_page_too(dataset: str, tmp_path: Path) -> None:
    told("diff", f"{dataset}@1", f"{dataset}@2", "--html", str(tmp_path / "changes.html"))

    assert "demo@2" in (tmp_path / "changes.html").read_text()


def test_get_writes_the_files(dataset: str, tmp_path: Path) -> None:
    files = told("get", f"{dataset}@2", str(tmp_path / "got"))["files"]

    assert [Path(path).is_file() for path in files] == [True, True, True]


def test_verify_ends_with_one_where_a_byte_is_wrong(dataset: str) -> None:
    assert told("verify", f"{dataset}@2")["ok"] is True
    for path in (Path(dataset) / "objects").iterdir():
        path.chmod(0o644)
        path.write_bytes(b"other bytes")

    assert told("verify", f"{dataset}@2", code=1)["ok"] is False


def test_channel_moves_and_tells_its_history(dataset: str) -> None:
    assert told("channel", dataset, "production", "1")["version"] == 1
    assert told("channel", dataset, "production", "2")["version"] == 2
    history = told("channel", dataset, "production")["history"]
    assert [one["version"] for one in history] == [1, 2]


@pytest.mark.parametrize("name", ["a/b", "../x", "7", ""])
def test_a_channel_has_a_name_that_readers_can_ask_for(dataset: str, name: str) -> None:
    done = RUN.invoke(app, ["channel", dataset, name, "1"])

    assert isinstance(done.exception, InputError)
    assert told("versions", dataset)["channels"] == {"latest": 2}


def test_get_says_what_there_is_where_nothing_fits(dataset: str, tmp_path: Path) -> None:
    done = RUN.invoke(app, ["get", f"{dataset}@2", str(tmp_path / "got"), "--split", "test"])

    assert isinstance(done.exception, VersionNotFound)
    assert "the splits train" in str(done.exception)


@pytest.mark.parametrize("command", [["versions"], ["channel", "latest"], ["gc"]])
def test_a_command_on_a_whole_dataset_takes_no_version(dataset: str, command: list[str]) -> None:
    done = RUN.invoke(app, [command[0], f"{dataset}@2", *command[1:]])

    assert isinstance(done.exception, InputError)
    assert f"leave @2 out: {dataset}" in str(done.exception)


def test_a_damaged_version_does_not_stop_the_others(dataset: str, tmp_path: Path) -> None:
    (Path(dataset) / "versions/000001/manifest.json").write_text("{}")

    with pytest.warns(DamagedWarning, match="000001/manifest.json is damaged"):
        assert [one["version"] for one in told("versions", dataset)["versions"]] == [2]
    store, three = open_store(str(tmp_path / "store")), draft(tmp_path / "three", [preference(3)])
    with pytest.warns(DamagedWarning):
        assert publish(store, three).manifest.version == 3
    done = RUN.invoke(app, ["gc", dataset])  # what it names is not known, so nothing is garbage
    assert isinstance(done.exception, VersionCorrupt)
    assert f"prefline yank {dataset}@1 --reason damaged" in done.exception.remedy
    told("yank", f"{dataset}@1", "--reason", "damaged")
    with pytest.warns(DamagedWarning):
        assert told("gc", dataset)["objects"] == {}


def test_yank_withdraws_tells_readers_and_can_be_undone(dataset: str) -> None:
    found = told("yank", f"{dataset}@2", "--reason", "wrong labels")
    assert found["channels"] == {"latest": 1}
    (_, row) = told("versions", dataset)["versions"]
    assert row["yanked"] == "wrong labels"
    assert "WITHDRAWN: wrong labels" in RUN.invoke(app, ["versions", dataset]).stdout

    with pytest.warns(YankedWarning, match="wrong labels"):
        assert told("show", f"{dataset}@2")["version"] == 2
    assert told("yank", f"{dataset}@2", "--undo")["changed"] is True
    assert told("show", f"{dataset}@2")["version"] == 2


@pytest.mark.parametrize("arguments", [[], ["--undo", "--reason", "x"], ["--reason", " "]])
def test_yank_wants_a_reason_or_undo(dataset: str, arguments: list[str]) -> None:
    done = RUN.invoke(app, ["yank", f"{dataset}@2", *arguments])

    assert isinstance(done.exception, InputError)


@pytest.mark.parametrize("reason", ["\udcff", "two\nlines", "\x1b[31m"])
def test_a_reason_is_one_line_that_every_reader_can_be_told(dataset: str, reason: str) -> None:
    done = RUN.invoke(app, ["yank", f"{dataset}@1", "--reason", reason])

    assert isinstance(done.exception, InputError)
    assert told("versions", dataset)["versions"][0]["yanked"] is None  # type: ignore[index]


def test_a_grace_of_ages_is_refused_before_anything_is_looked_at(dataset: str) -> None:
    done = RUN.invoke(app, ["gc", dataset, "--grace-days", "1e12"])

    assert done.exit_code == 2, done.exception


def test_gc_says_what_it_would_delete_and_deletes_when_told_to(dataset: str) -> None:
    stray = Path(dataset) / "objects" / f"{'0' * 64}.parquet"
    stray.write_bytes(b"nobody's")

    assert told("gc", dataset)["objects"] == {}  # it may be a publisher's at work
    found = told("gc", dataset, "--grace-days", "0")
    assert (found["deleted"], found["objects"]) == (False, {"0" * 64: 8})
    assert stray.exists()
    assert told("gc", dataset, "--grace-days", "0", "--delete")["bytes"] == 8
    assert not stray.exists()
    assert told("verify", f"{dataset}@1")["ok"] is True


def test_a_warning_is_one_line_on_standard_error(dataset: str) -> None:
    told("yank", f"{dataset}@2", "--reason", "wrong labels")
    done = subprocess.run(
        [sys.executable, "-c", "from prefline.cli import main; main()", "show", f"{dataset}@2"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip

    (line,) = done.stderr.splitlines()
    assert line.startswith(f"warning: {dataset}@2 was withdrawn on")


def test_an_error_is_told_with_its_remedy_and_as_json_where_asked(
    dataset: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = []
    for arguments in (["show", f"{dataset}@9"], ["show", f"{dataset}@9", "--json"]):
        monkeypatch.setattr("sys.argv", ["prefline", *arguments])
        with pytest.raises(SystemExit, match="1"):
            main()
        said.append(capsys.readouterr().err)

    assert said[0].startswith("error: ")
    assert "remedy: " in said[0]
    assert json.loads(said[1])["error"] == "VersionNotFound"


@pytest.fixture(scope="module")
def server() -> Iterator[SimulatedServer]:
    """A simulated provider."""
    with simulated_server(SimulatorConfig()) as running:
        yield running


@pytest.fixture
def project(tmp_path: Path, server: SimulatedServer, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project that nothing has been run in, as the working directory."""
    made = make_project(tmp_path / "project", server.base_url)
    monkeypatch.chdir(made)
    return made


def test_estimate_counts_calls_without_making_any(project: Path, server: SimulatedServer) -> None:
    seen = server.stats().requests
    found = told("estimate")

    assert [(one["stage"], one["calls"], one["exact"]) for one in found["stages"]] == [
        ("generate", 48, True),
        ("judge", 12 * 6 * 2, False),
        # What there is to train on is not known yet; four prompts are held out.
        ("train", 0, False),
        ("evaluate", 4 * 4, False),
    ]
    assert server.stats().requests == seen
    assert not (project / "data" / "prompts").exists()


def test_doctor_says_what_is_wrong_and_the_remedy(project: Path, server: SimulatedServer) -> None:
    params = (project / "params.yaml").read_text()
    (project / "params.yaml").write_text(params.replace("sim-judge", "sim-gone"))
    shutil.rmtree(project / ".git")
    found = told("doctor", code=1)
    by_check = {one["check"]: one for one in found["checks"]}

    assert by_check["object store"]["ok"]
    assert by_check["endpoint of sim-strong"]["ok"]
    assert "sim-judge-biased" in by_check["endpoint of sim-gone"]["detail"]
    assert by_check["endpoint of sim-gone"]["remedy"]


def test_outside_a_project_a_command_says_where_to_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["prefline", "estimate"])
    with pytest.raises(SystemExit, match="2"):
        main()

    assert "is not inside a Prefline project" in capsys.readouterr().err


def test_a_reader_that_has_seen_enough_is_no_error(dataset: str) -> None:
    code = "from prefline.cli import main; main()"
    child = subprocess.Popen(
        command("-c", code, "show", dataset),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert child.stdout is not None
    child.stdout.close()
    assert child.stderr is not None
    with child.stderr:
        assert child.stderr.read() == ""
    child.wait()
