"""Committing what a scheduled run made to a branch of its own."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from prefline.errors import WorkflowError


def commit_to_branch(root: Path, branch: str, files: Sequence[str], message: str) -> str | None:
    """Commit HEAD's files with `files` as they are now to `branch`, and return the commit.

    The branch starts at HEAD where it does not exist, and takes in what HEAD has got since, so
    that each commit holds the code beside what the code made. The user's own branch, index and
    files are not touched: the commit is built in an index of its own. None where nothing changed.

    Raises `WorkflowError` if the branch is checked out somewhere, or git refuses.
    """
    _refuse_checked_out(root, branch)
    head = _git(root, "rev-parse", "--verify", "HEAD")
    tip = _ask(root, "rev-parse", "--verify", "--quiet", f"refs/heads/{branch}")
    tree = _tree_of(root, head, files)
    parents = _parents(root, tip, head)
    if parents == [tip or head] and tree == _git(root, "rev-parse", f"{parents[0]}^{{tree}}"):
        return None
    links = [word for parent in parents for word in ("-p", parent)]
    commit = _git(root, "commit-tree", tree, *links, "-m", message)
    # The old value says what the branch must still be: two runs at once do not lose a commit.
    _git(root, "update-ref", f"refs/heads/{branch}", commit, tip or "0" * len(head))
    return commit


def tag_commit(root: Path, tag: str, commit: str, message: str) -> bool:
    """Give a commit a name of its own, by which others `dvc import` from it; True if it is new.

    A tag that is there stays where it is: a name that moves would be no version. Raises
    `WorkflowError` if git refuses.
    """
    if _ask(root, "rev-parse", "--verify", "--quiet", f"refs/tags/{tag}"):
        return False
    _git(root, "tag", "--annotate", "--message", message, tag, commit)
    return True


def push_refs(root: Path, *refs: str) -> None:
    """Push branches and tags, as `refs/heads/...` and `refs/tags/...`, to `origin`.

    Raises `WorkflowError` if git refuses.
    """
    _git(root, "push", "--quiet", "origin", *refs)


def _refuse_checked_out(root: Path, branch: str) -> None:
    if f"branch refs/heads/{branch}" in _git(root, "worktree", "list", "--porcelain").splitlines():
        raise WorkflowError(
            f"the branch {branch!r} is checked out, and a commit to it would change what is there",
            "give pipeline.commit_branch a name of its own, such as runs",
        )


def _tree_of(root: Path, head: str, files: Sequence[str]) -> str:
    with tempfile.TemporaryDirectory() as scratch:
        index = {"GIT_INDEX_FILE": str(Path(scratch) / "index")}
        _git(root, "read-tree", head, extra=index)
        _git(root, "add", "--force", "--", *files, extra=index)
        return _git(root, "write-tree", extra=index)


def _parents(root: Path, tip: str, head: str) -> list[str]:
    if not tip:
        return [head]
    has_head = _run(root, "merge-base", "--is-ancestor", head, tip).returncode == 0
    return [tip] if has_head else [tip, head]


def _ask(root: Path, *arguments: str) -> str:
    done = _run(root, *arguments)
    return done.stdout.strip() if done.returncode == 0 else ""


def _git(root: Path, *arguments: str, extra: dict[str, str] | None = None) -> str:
    done = _run(root, *arguments, extra=extra)
    if done.returncode:
        raise WorkflowError(
            f"`git {' '.join(arguments)}` failed: {done.stderr.strip()}",
            "mend the repository (it needs a first commit, and user.name and user.email must be "
            "set), or set pipeline.commit_branch to null",
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
