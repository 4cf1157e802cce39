"""Committing what a scheduled run made to a branch of its own."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from prefline.errors import WorkflowError


def commit_to_branch(root: Path, branch: str, files: Sequence[str], message: str) -> str | None:
    """Commit `files` as they are now to `branch`, and return the commit.

    The branch starts at HEAD where it does not exist. The user's own branch, index and files
    are not touched: the commit is built in an index of its own. None where nothing changed.

    Raises `WorkflowError` if git refuses.
    """
    parent = _try(root, "rev-parse", "--verify", "--quiet", f"refs/heads/{branch}")
    parent = parent or _git(root, "rev-parse", "HEAD")
    with tempfile.TemporaryDirectory() as scratch:
        index = {"GIT_INDEX_FILE": str(Path(scratch) / "index")}
        _git(root, "read-tree", parent, extra=index)
        _git(root, "add", "--force", "--", *files, extra=index)
        tree = _git(root, "write-tree", extra=index)
    if tree == _git(root, "rev-parse", f"{parent}^{{tree}}"):
        return None
    commit = _git(root, "commit-tree", tree, "-p", parent, "-m", message)
    _git(root, "update-ref", f"refs/heads/{branch}", commit)
    return commit


def push_branch(root: Path, branch: str) -> None:
    """Push the branch to `origin`. Raises `WorkflowError` if git refuses."""
    _git(root, "push", "origin", branch)


def _try(root: Path, *arguments: str) -> str | None:
    done = _run(root, *arguments)
    return done.stdout.strip() if done.returncode == 0 else None


def _git(root: Path, *arguments: str, extra: dict[str, str] | None = None) -> str:
    done = _run(root, *arguments, extra=extra)
    if done.returncode:
        raise WorkflowError(
            f"`git {' '.join(arguments)}` failed: {done.stderr.strip()}",
            "mend the repository (user.name and user.email must be set), or set "
            "pipeline.commit_branch to null",
        )
    return done.stdout.strip()


def _run(
    root: Path, *arguments: str, extra: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    environment = os.environ | (extra or {})
    return subprocess.run(
        ["git", *arguments],
        cwd=root, capture_output=True, text=True, env=environment, check=False,
    )  # fmt: skip
