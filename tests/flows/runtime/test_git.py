from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from flows.runtime.git import commit_to_branch, push_refs, tag_commit
from prefline.errors import WorkflowError


def git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with one commit, one staged and one unstaged change."""
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "config", "user.name", "tests")
    git(tmp_path, "config", "user.email", "tests@localhost")
    (tmp_path / "code.py").write_text("one\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "first")
    (tmp_path / "code.py").write_text("two\n")
    git(tmp_path, "add", ".")
    (tmp_path / "code.py").write_text("three\n")
    (tmp_path / "dvc.lock").write_text("locked\n")
    return tmp_path


def test_the_files_are_committed_and_nothing_of_the_user_s_is_touched(repository: Path) -> None:
    def state() -> tuple[str, str]:
        return git(repository, "status", "--porcelain"), git(repository, "rev-parse", "HEAD")

    before = state()
    commit = commit_to_branch(repository, "runs", ["dvc.lock"], "a run")

    assert commit == git(repository, "rev-parse", "runs")
    assert git(repository, "show", "runs:dvc.lock") == "locked"
    assert git(repository, "show", "runs:code.py") == "one"
    assert before == (
        git(repository, "status", "--porcelain"),
        git(repository, "rev-parse", "HEAD"),
    )


def test_the_branch_grows_by_a_commit_for_each_change_and_none_without(repository: Path) -> None:
    first = commit_to_branch(repository, "runs", ["dvc.lock"], "a run")
    again = commit_to_branch(repository, "runs", ["dvc.lock"], "a run")
    (repository / "dvc.lock").write_text("locked anew\n")
    second = commit_to_branch(repository, "runs", ["dvc.lock"], "a run")

    assert again is None
    assert git(repository, "rev-parse", "runs^") == first
    assert git(repository, "rev-parse", "runs") == second


def test_what_git_refuses_is_told_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(WorkflowError, match=r"pipeline\.commit_branch"):
        commit_to_branch(tmp_path, "runs", ["dvc.lock"], "a run")


def test_the_branch_takes_in_what_head_has_got_since(repository: Path) -> None:
    first = commit_to_branch(repository, "runs", ["dvc.lock"], "a run")
    git(repository, "commit", "-q", "-m", "second")
    commit_to_branch(repository, "runs", ["dvc.lock"], "a run")

    head = git(repository, "rev-parse", "HEAD")
    assert git(repository, "show", "runs:code.py") == "two"
    assert git(repository, "show", "runs:dvc.lock") == "locked"
    assert git(repository, "rev-parse", "runs^1", "runs^2").split() == [first, head]


def test_a_branch_that_is_checked_out_is_refused(repository: Path) -> None:
    with pytest.raises(WorkflowError, match="checked out"):
        commit_to_branch(repository, "main", ["dvc.lock"], "a run")
    assert git(repository, "log", "--format=%s", "main") == "first"


def test_a_tag_stays_where_it_is(repository: Path) -> None:
    first = commit_to_branch(repository, "runs", ["dvc.lock"], "a run")
    (repository / "dvc.lock").write_text("locked anew\n")
    second = commit_to_branch(repository, "runs", ["dvc.lock"], "a run")
    assert first is not None
    assert second is not None

    assert tag_commit(repository, "demo@1", first, "a release")
    assert not tag_commit(repository, "demo@1", second, "a release")
    assert git(repository, "rev-parse", "demo@1^{commit}") == first


def test_branch_and_tag_are_pushed(
    repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    origin = tmp_path_factory.mktemp("origin")
    git(origin, "init", "-q", "--bare")
    git(repository, "remote", "add", "origin", str(origin))
    commit = commit_to_branch(repository, "runs", ["dvc.lock"], "a run")
    assert commit is not None
    tag_commit(repository, "demo@1", commit, "a release")

    push_refs(repository, "refs/heads/runs", "refs/tags/demo@1")

    assert git(origin, "rev-parse", "runs", "demo@1^{commit}").split() == [commit, commit]
