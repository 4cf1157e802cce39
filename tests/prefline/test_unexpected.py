"""No exception reaches a user as a traceback."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from flows.runtime.ending import run_command
from prefline import cli
from prefline.errors import (
    DiskFull,
    EnvironmentFault,
    FileError,
    InputError,
    PreflineError,
    UnexpectedError,
)
from prefline.unexpected import as_error
from tests.flows.projects import ROOT


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a project, and the working directory."""
    (tmp_path / "dvc.yaml").touch()
    (tmp_path / "params.yaml").write_text((ROOT / "params.yaml").read_text())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def ends_with(error: BaseException, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Return the exit code and the message of a stage that raises."""

    def run(_: object) -> None:
        raise error

    with pytest.raises(SystemExit) as ended:
        run_command(run)
    assert isinstance(ended.value.code, int)
    return ended.value.code, capsys.readouterr().err


def test_what_nobody_expects_is_one_message_and_a_file_with_the_traceback(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, message = ends_with(KeyError("p_chosen\x1b[31m"), capsys)

    assert code == UnexpectedError.exit_code
    assert "Traceback" not in message
    assert "\x1b" not in message
    assert "does not expect: KeyError: 'p_chosen" in message
    (file,) = (project / ".prefline/tracebacks").iterdir()
    assert str(file) in message
    assert "raise error" in file.read_text()


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (OSError(errno.EMFILE, "Too many open files"), EnvironmentFault, "ulimit -n"),
        (OSError(errno.ENOSPC, "No space", "/data/x"), DiskFull, "/data/x"),
        (PermissionError(errno.EACCES, "Permission denied", "/data/x"), FileError, "/data/x"),
        (
            IsADirectoryError(errno.EISDIR, "Is a directory", "/x.json"),
            FileError,
            "a file belongs there",
        ),
        (NotADirectoryError(errno.ENOTDIR, "Not a dir", "/x/y"), FileError, "a folder belongs"),
        (OSError(errno.ENAMETOOLONG, "Name too long", "/" + "x" * 999), FileError, "shorten"),
        (OSError(errno.ELOOP, "Too many links", "/loop"), FileError, "correct the link"),
        (MemoryError(), EnvironmentFault, "memory"),
    ],
)
def test_faults_of_the_environment_are_known_by_their_kind(
    error: Exception, kind: type[PreflineError], words: str
) -> None:
    wrapped = RuntimeError("a library says")
    wrapped.__cause__ = error
    for raised in (error, wrapped):
        known = as_error(raised)
        assert type(known) is kind
        assert words in str(known)


def test_an_error_of_ours_that_a_library_has_wrapped_is_told_as_ours() -> None:
    ours = InputError("p.csv, row 3", "mend it")
    wrapped = RuntimeError("task failed")
    wrapped.__context__ = ours

    assert as_error(wrapped) is ours


def test_a_socks_proxy_without_its_library_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
    with pytest.raises(ImportError) as raised:
        httpx.Client()

    assert "ALL_PROXY names a SOCKS proxy" in as_error(raised.value).problem


def test_certificates_that_are_not_there_are_told_before_anything_starts(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(project / "none.pem"))

    code, message = ends_with(AssertionError("it ran"), capsys)

    assert code == EnvironmentFault.exit_code
    assert "SSL_CERT_FILE names" in message


def test_a_command_ends_in_the_same_way_outside_a_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails() -> None:
        raise ValueError("half a sentence")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("prefline.cli.app.app", fails)
    with pytest.raises(SystemExit) as ended:
        cli.main()

    assert ended.value.code == UnexpectedError.exit_code
    said = capsys.readouterr().err
    path = re.search(r"in (\S+\.txt)", said)
    assert path is not None
    assert "half a sentence" in Path(path[1]).read_text()


def test_a_reader_that_has_seen_enough_is_no_error(tmp_path: Path) -> None:
    shown = subprocess.Popen(
        [sys.executable, "-c", "from prefline.cli import main; main()", "--help"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
    )
    assert shown.stdout is not None
    shown.stdout.close()
    _, said = shown.communicate()

    assert said == b""


def test_no_message_shows_the_password_of_an_address() -> None:
    error = EnvironmentFault(
        "cannot reach http://me:secret@host/x", "ask https://u:p@h, s3://b/a@1"
    )

    assert str(error) == ("cannot reach http://***@host/x\n  remedy: ask https://***@h, s3://b/a@1")


def test_a_package_that_is_not_installed_is_named_with_the_extra_that_has_it() -> None:
    error = as_error(ModuleNotFoundError("No module named 'uvloop'", name="uvloop.loop"))

    assert isinstance(error, EnvironmentFault)
    assert "'uvloop', which is not installed" in error.problem
    assert "prefline[pipeline]" in error.remedy
