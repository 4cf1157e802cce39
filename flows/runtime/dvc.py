"""Running `dvc` as a command, with what it shows shown."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import orjson
import psutil

from flows.runtime.ending import interrupt_signal
from prefline.config.environment import RUN, STAGE_EXIT_CODE, run_name
from prefline.errors import WorkflowError

_LAST_LINES = 20
_LOOK_S = 0.5
_HARDER = (signal.SIGTERM, signal.SIGKILL)


def show(
    root: Path, *arguments: str, extra: Mapping[str, str] = MappingProxyType({})
) -> tuple[int, str]:
    """Run `dvc` with its output shown as it comes; its exit code and its last words. `extra` are
    variables for it and its stages.

    The last words are empty on a terminal, which DVC and the stages have to themselves for
    their progress bars. An interrupt is passed on to DVC and the stage that it runs, which ends
    it and says how to go on; each further one is passed on harder.
    """
    shown = sys.stderr.isatty()
    child = subprocess.Popen(
        command(*arguments), cwd=root, env={**environment(), **extra},
        stderr=None if shown else subprocess.PIPE, text=True, errors="replace",
        # A process group of its own, since DVC keeps an interrupt of its own from its stage.
        process_group=0,
    )  # fmt: skip
    try:
        return _end_of(child)
    except BaseException:
        _interrupt(child)
        raise


def ask(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Return what `dvc` answers, not shown."""
    return subprocess.run(
        command(*arguments),
        cwd=root, env=environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip


def environment() -> dict[str, str]:
    """This process's environment with its Python's folder first on the path, so that the
    stages' `python` is the one with Prefline in it."""
    folder = str(Path(sys.executable).parent)
    return os.environ | {"PATH": os.pathsep.join((folder, os.environ.get("PATH", "")))}


def command(*arguments: str) -> list[str]:
    """Return the command line of this environment's DVC."""
    return [sys.executable, "-m", "dvc", *arguments]


def _end_of(child: subprocess.Popen[str]) -> tuple[int, str]:
    last: deque[str] = deque(maxlen=_LAST_LINES)
    for line in child.stderr or ():
        sys.stderr.write(line)
        sys.stderr.flush()
        last.append(line)
    if child.stderr is not None:
        child.stderr.close()
    return child.wait(), "".join(last)


def _interrupt(child: subprocess.Popen[str]) -> None:
    for number in dict.fromkeys((interrupt_signal(), *_HARDER)):
        if child.poll() is None:
            os.killpg(child.pid, number)
        try:
            _end_of(child)
        except KeyboardInterrupt:
            continue
        return


__all__ = [
    "changed_stages",
    "environment",
    "has_remote",
    "pull",
    "push",
    "reproduce",
    "wait_for_others",
]

_FULL = ("No space left", "Disk quota exceeded", "StorageFull", "QuotaExceeded")

# What DVC's message holds, and what to do then; the first that fits.
_REMEDIES = (
    (
        "Unable to acquire lock",
        "wait for the other `dvc` command in this folder to end; if none is running, remove "
        ".dvc/tmp/lock and .dvc/tmp/rwlock",
    ),
    (
        "it is being blocked by",
        "wait until the process that it names has ended, or end it with `kill`: what it has paid "
        "for is kept",
    ),
    (
        "Unable to read RWLock-file",
        "remove .dvc/tmp/rwlock: it is damaged, and DVC makes it anew",
    ),
    (
        "is not a git repository",
        "make it one (`git init`), or tell DVC that there is none (`dvc config core.no_scm true`)",
    ),
    (
        "possible merge conflicts",
        "mend the file that it names (`git checkout dvc.lock` takes git's; without dvc.lock "
        "`dvc repro` makes all anew from the reply store)",
    ),
    (
        "unsaved files",
        "files that stages made were changed by hand: keep them with `dvc commit`, or drop the "
        "changes with `dvc checkout --force` or `dvc repro`",
    ),
    (
        "missing-files",
        "DVC's cache and remote do not have those files: `dvc repro` makes them anew, and asks "
        "models only for what is not in the reply store",
    ),
    (
        "in the cache",
        "DVC's cache is not whole: `dvc pull` fetches from the remote, `dvc repro -f` makes all "
        "anew from the reply store",
    ),
    (
        "are missing from 'params.yaml'",
        "add that section to params.yaml, empty as `{}` for its defaults (`train` wants a method); "
        "docs/params.md has its keys",
    ),
    (
        "failed to connect",
        "check the remote's address and credentials (`dvc remote list`, docs/running.md)",
    ),
    (
        "YAML file structure is corrupted",
        "mend the file that it names at that line; DVC wants an address within {} in quotes",
    ),
    *(
        (word, "free some space: `dvc gc -w` removes from the cache what this folder does not need")
        for word in _FULL
    ),
)
_NOWHERE = "do not exist neither locally nor on remote"
_OTHERWISE = {
    "repro": "mend what it says and run the same command again: stages that are done stay done, "
    "and no reply is paid for twice",
    "push": "check the remote (`dvc remote list`, docs/running.md), or set pipeline.push to false",
    "pull": "check the remote (`dvc remote list`, docs/running.md), or set pipeline.pull to false; "
    "`dvc repro` works without",
    "status": "mend the file that it names as it says",
}


def wait_for_others(root: Path) -> None:
    """Wait until no other process runs a stage here, such as one whose pipeline was killed; say so
    on standard error, with what to end where it shall not be waited for."""
    told: set[int] = set()
    while others := _others_at_work(root):
        for pid, line in sorted(others.items()):
            if pid not in told:
                sys.stderr.write(
                    f"waiting for process {pid}, which is at work in this folder ({line}); "
                    f"`kill {pid}` ends it, and what it has paid for is kept\n"
                )
        told |= others.keys()
        time.sleep(_LOOK_S)


def _others_at_work(root: Path) -> dict[int, str]:
    """Return the living processes that DVC's lock of paths names, with their commands. DVC itself
    passes over the dead, and says what is wrong with a damaged file."""
    try:
        locks = orjson.loads((root / ".dvc" / "tmp" / "rwlock").read_bytes())
        # {"write": {path: holder}, "read": {path: [holder, ...]}}
        holders = [*locks.get("write", {}).values()]
        holders += [reader for readers in locks.get("read", {}).values() for reader in readers]
        commands = {int(holder["pid"]): str(holder["cmd"]) for holder in holders}
    except (OSError, ValueError, AttributeError, KeyError, TypeError):
        return {}
    return {pid: line for pid, line in commands.items() if psutil.pid_exists(pid)}


def changed_stages(root: Path) -> dict[str, list[str]]:
    """Return the stages that `dvc repro` would run or restore, in their order, and why.

    Raises `WorkflowError` if DVC cannot tell.
    """
    done = ask(root, "status", "--json")
    while done.returncode and _others_at_work(root):
        wait_for_others(root)
        done = ask(root, "status", "--json")
    if done.returncode:
        raise _failed(root, "status", (done.stderr or done.stdout).strip())
    return {
        stage: [word for why in whys if isinstance(why, dict) for word in _words(why)]
        for stage, whys in orjson.loads(done.stdout or "{}").items()
    }


def _words(change: dict[str, dict[str, str]]) -> list[str]:
    return [f"{path} {what}" for paths in change.values() for path, what in paths.items()]


def reproduce(root: Path, *stages: str) -> None:
    """Run the stages that something has changed for, all of them or `stages` with those before
    them, in one `dvc repro`.

    Raises `WorkflowError` with the stage that failed; its exit code is that of the stage.
    """
    with tempfile.TemporaryDirectory() as scratch:
        note = Path(scratch) / "exit_code"
        code = None
        # DVC of a killed pipeline holds no lock between two stages, so one look may miss it. What
        # it meets then is no failure of a stage.
        while code is None or (code and not note.is_file() and _others_at_work(root)):
            wait_for_others(root)
            # Its stages may be forks of another process, and then not know whose stages they are.
            run = {RUN: run_name() or secrets.token_hex(8), STAGE_EXIT_CODE: str(note)}
            code, last_lines = show(root, "repro", *stages, extra=run)
        stage_code = int(note.read_text()) if note.is_file() else None
    if code:
        # On a terminal nobody but the reader has heard what DVC said.
        waiting = changed_stages(root)
        at = f"stage `{next(iter(waiting))}` failed" if waiting else "`dvc repro` failed"
        error = _failed(root, "repro", _error_in(last_lines) or "what it said is above", at)
        if stage_code is not None:
            error.exit_code = stage_code
        raise error


def push(root: Path) -> None:
    """Send outputs to the DVC remote. Raises `WorkflowError`."""
    last_lines = _show_or_raise(root, "push")
    if sys.stderr.isatty():
        # Nobody but the reader has heard what DVC said, so it is asked again: there is nothing
        # left to send.
        last_lines = ask(root, "push").stderr
    if _NOWHERE in last_lines:
        # DVC itself only warns, and ends well.
        why = "not everything was pushed: some of it is neither in DVC's cache nor on the remote"
        raise _failed(root, "push", f"{why} (missing-files)")


def pull(root: Path) -> None:
    """Bring the outputs that `dvc.lock` names from the DVC remote. What is not there is said,
    and left to `reproduce`. Raises `WorkflowError`."""
    _show_or_raise(root, "pull", "--allow-missing")


def has_remote(root: Path) -> bool:
    """Return whether a default remote is set."""
    return ask(root, "config", "core.remote").returncode == 0


def _show_or_raise(root: Path, *arguments: str) -> str:
    code, last_lines = show(root, *arguments)
    if code:
        raise _failed(root, arguments[0], _error_in(last_lines) or "what it said is above")
    return last_lines


def _error_in(last_lines: str) -> str:
    """Return the first error in DVC's words."""
    errors = [line for line in last_lines.splitlines() if line.startswith("ERROR: ")]
    return errors[0].removeprefix("ERROR: ") if errors else ""


def _failed(root: Path, what: str, why: str, at: str = "") -> WorkflowError:
    remedy = next((remedy for word, remedy in _REMEDIES if word in why), _OTHERWISE[what])
    if what == "push" and any(word in why for word in _FULL):
        name = ask(root, "config", "core.remote").stdout.strip()
        url = ask(root, "config", f"remote.{name}.url").stdout.strip()
        remedy = (
            f"free some space in the DVC remote `{name}` ({url}): `dvc gc --cloud --all-commits` "
            "removes from it what no commit names; then run the same command again"
        )
    return WorkflowError(f"{at or f'`dvc {what}` failed'}: {why}", remedy)
