"""What DVC says where something is wrong, from a real DVC in a project of two stages."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from flows.runtime.dvc import (
    changed_stages,
    environment,
    has_remote,
    pull,
    push,
    reproduce,
    wait_for_others,
)
from prefline.errors import WorkflowError
from tests.flows.conftest import forked_dvc

STAGES = """
stages:
  one:
    cmd: python stage.py one
    deps: [stage.py]
    outs: [data/one]
  two:
    cmd: python stage.py two
    deps: [data/one]
    outs: [data/two]
"""

STAGE = """
import pathlib, sys, time
if pathlib.Path("break").exists():
    from prefline.config.environment import note_exit_code
    note_exit_code(4)
    sys.exit("error: broken")
if pathlib.Path("wait").exists():
    print("waiting", flush=True)
    time.sleep(60)
folder = pathlib.Path("data", sys.argv[1])
folder.mkdir(parents=True)
(folder / "part").write_text(sys.argv[1])
"""


def dvc(root: Path, *arguments: str) -> None:
    subprocess.run(forked_dvc("-q", *arguments), cwd=root, check=True, env=environment())


@pytest.fixture(scope="module")
def made(dvc_in_forks: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose stages have run, with a remote that has got nothing yet."""
    root = tmp_path_factory.mktemp("made")
    (root / "dvc.yaml").write_text(STAGES)
    (root / "stage.py").write_text(STAGE)
    dvc(root, "init", "--no-scm")
    dvc(root, "remote", "add", "--default", "store", "remote")
    reproduce(root)
    return root


@pytest.fixture
def project(made: Path, tmp_path: Path) -> Path:
    """A copy of it, which a test may break."""
    return Path(shutil.copytree(made, tmp_path / "project"))


def test_nothing_has_changed_after_a_run(project: Path) -> None:
    assert changed_stages(project) == {}
    assert has_remote(project)


def test_a_file_that_dvc_cannot_read_is_named_with_what_to_mend(project: Path) -> None:
    # PyYAML, which reads params.yaml for everything else, takes this address.
    (project / "params.yaml").write_text("a: {b: &x {url: http://host/v1, c: 1}}\n")
    (project / "dvc.yaml").write_text(STAGES.replace("deps: [stage.py]", "params: [a]"))
    with pytest.raises(WorkflowError, match=r"params\.yaml") as failed:
        changed_stages(project)

    assert "in quotes" in failed.value.remedy


def test_the_stages_to_run_are_told_in_order_with_the_reasons(project: Path) -> None:
    (project / "data/one/part").write_text("by hand")
    shutil.rmtree(project / "data/two")

    assert changed_stages(project) == {
        "one": ["data/one modified"],
        "two": ["data/one modified", "data/two deleted"],
    }


def test_where_the_remote_is_full_the_remedy_names_it_and_not_the_cache(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What DVC said of a remote on a full disk.
    said = "ERROR: failed to transfer 'c7' - [Errno 28] No space left on device: '/a' -> '/b'\n"
    monkeypatch.setattr("flows.runtime.dvc.show", lambda *_: (1, said))
    with pytest.raises(WorkflowError, match="No space left") as failed:
        push(project)

    assert f"in the DVC remote `store` ({project / 'remote'})" in failed.value.remedy


def test_the_stage_that_failed_is_named(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (project / "break").touch()
    (project / "data/one/part").unlink()
    shutil.rmtree(project / ".dvc/cache")

    with pytest.raises(WorkflowError, match="stage `one` failed") as raised:
        reproduce(project)
    assert "run the same command again" in raised.value.remedy
    assert raised.value.exit_code == 4, "DVC itself ends with 255 whatever the stage ended with"
    assert "error: broken" in capfd.readouterr().err


@pytest.mark.parametrize(
    "lost",
    [(".dvc/cache",), ("data",), (".dvc/cache", "data")],
    ids=["cache", "outputs", "cache and outputs"],
)
def test_what_is_gone_is_made_or_restored_by_running_again(
    project: Path, lost: tuple[str, ...]
) -> None:
    for folder in lost:
        shutil.rmtree(project / folder)
    reproduce(project)

    assert (project / "data/one/part").read_text() == "one"
    assert any((project / ".dvc/cache/files").rglob("*.dir"))


def test_an_output_that_was_changed_by_hand_is_restored_by_running_again(project: Path) -> None:
    (project / "data/one/part").write_text("by hand")
    reproduce(project)

    assert (project / "data/one/part").read_text() == "one"


def test_what_another_clone_pushed_is_pulled(project: Path) -> None:
    push(project)
    for lost in (".dvc/cache", "data"):
        shutil.rmtree(project / lost)
    pull(project)

    assert (project / "data/two/part").read_text() == "two"


def test_what_no_remote_has_is_said_and_left_to_be_made(
    project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for lost in (".dvc/cache", "data"):
        shutil.rmtree(project / lost)
    pull(project)

    assert "do not exist neither locally nor on remote" in capfd.readouterr().err
    assert set(changed_stages(project)) == {"one", "two"}


def test_changes_by_hand_are_not_pulled_over(project: Path) -> None:
    (project / "data/one/part").write_text("by hand")

    with pytest.raises(WorkflowError, match="unsaved files") as raised:
        pull(project)
    assert "dvc checkout --force" in raised.value.remedy
    assert (project / "data/one/part").read_text() == "by hand"


def test_a_push_of_what_cache_and_outputs_have_lost_says_how_to_make_it_again(
    project: Path,
) -> None:
    for lost in (".dvc/cache", "data"):
        shutil.rmtree(project / lost)

    with pytest.raises(WorkflowError, match="not everything") as raised:
        push(project)
    assert "dvc repro" in raised.value.remedy


def test_a_torn_dvc_yaml_is_told_with_what_dvc_says(project: Path) -> None:
    (project / "dvc.yaml").write_text("stages: [")

    with pytest.raises(WorkflowError, match=r"dvc\.yaml"):
        changed_stages(project)


def test_a_torn_lock_file_says_what_to_mend(project: Path) -> None:
    with (project / "dvc.lock").open("a") as lock:
        lock.write("<<<<<<< HEAD\n")

    with pytest.raises(WorkflowError, match="merge conflicts") as raised:
        changed_stages(project)
    assert "git checkout dvc.lock" in raised.value.remedy


def test_a_remote_that_cannot_be_written_says_so(project: Path) -> None:
    dvc(project, "remote", "modify", "store", "url", "/dev/null/remote")

    with pytest.raises(WorkflowError, match="`dvc push` failed") as raised:
        push(project)
    assert "pipeline.push" in raised.value.remedy


REPRODUCE = "import pathlib; from flows.runtime.dvc import reproduce; reproduce(pathlib.Path())"
IGNORING_CTRL_C = (
    "import signal; signal.signal(signal.SIGTERM, signal.default_int_handler); "
    "signal.signal(signal.SIGINT, signal.SIG_IGN); "
)


@pytest.mark.parametrize(
    ("code", "number"),
    [(REPRODUCE, signal.SIGINT), (IGNORING_CTRL_C + REPRODUCE, signal.SIGTERM)],
    ids=["ctrl-c", "term in a script's background"],
)
def test_an_interrupt_ends_the_stage_too(code: str, number: signal.Signals, project: Path) -> None:
    (project / "wait").touch()
    (project / "stage.py").write_text(STAGE + "# changed\n")
    child = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=project, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert child.stdout is not None
    assert any("waiting" in line for line in child.stdout)
    child.send_signal(number)
    # It ends when no process holds its output any more, the stage's included.
    said = child.communicate(timeout=20)[1]

    assert "KeyboardInterrupt" in said
    assert child.returncode == -signal.SIGINT  # Python's end by it


@pytest.mark.parametrize(
    ("damage", "remedy"),
    [
        (lambda root: (root / ".dvc/tmp/rwlock").write_text(""), r"remove \.dvc/tmp/rwlock"),
        (lambda root: (root / ".dvc/config").write_text(""), "git init"),
    ],
    ids=["an empty lock of paths", "no repository of git"],
)
def test_a_folder_that_dvc_refuses_has_a_remedy_that_helps(
    project: Path, damage: Callable[[Path], object], remedy: str
) -> None:
    damage(project)
    (project / "data/one/part").write_text("by hand")

    with pytest.raises(WorkflowError) as raised:
        reproduce(project)
    assert re.search(remedy, raised.value.remedy)


@pytest.mark.parametrize("ask_for", [reproduce, changed_stages])
def test_a_process_that_took_the_lock_after_the_look_is_waited_for_too(
    ask_for: Callable[[Path], object], project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(4)"])
    threading.Thread(target=other.wait, daemon=True).start()  # takes its end note of it
    lock = {"write": {str(project / "data/one"): {"pid": other.pid, "cmd": "dvc repro"}}}
    (project / ".dvc/tmp").mkdir(exist_ok=True)
    (project / ".dvc/tmp/rwlock").write_text(json.dumps(lock))

    ask_for(project)

    assert f"waiting for process {other.pid}" in capfd.readouterr().err


def test_a_process_that_a_killed_pipeline_left_at_work_is_waited_for_and_named(
    project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1)"])
    threading.Thread(target=other.wait, daemon=True).start()  # takes its end note of it
    lock = {"read": {str(project / "data/one"): [{"pid": other.pid, "cmd": "dvc repro"}]}}
    (project / ".dvc/tmp").mkdir(exist_ok=True)
    (project / ".dvc/tmp/rwlock").write_text(json.dumps(lock))

    wait_for_others(project)

    assert other.poll() is not None
    assert f"waiting for process {other.pid}" in capfd.readouterr().err
    wait_for_others(project)  # of the dead nothing is said
    assert capfd.readouterr().err == ""
