"""The DVC remote in the bucket that versions go to: a real DVC, a real S3."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.runtime.dvc import environment, pull, push, reproduce
from flows.runtime.git import commit_to_branch, tag_commit
from tests.flows.conftest import forked_dvc
from tests.s3_server import S3Server, use_environment

STAGES = """
stages:
  pair:
    cmd: mkdir -p data/preferences && echo rows > data/preferences/part
    outs: [data/preferences]
"""


def run(root: Path, *command: str) -> None:
    subprocess.run(command, cwd=root, check=True, env=environment(), capture_output=True)


def dvc(root: Path, *arguments: str) -> None:
    run(root, *forked_dvc(*arguments))


@pytest.fixture(scope="module")
def bucket(s3_process: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A bucket, with the AWS variables of this module set to its server."""
    nothing = tmp_path_factory.mktemp("aws") / "config"
    nothing.touch()  # DVC wants a real file
    with pytest.MonkeyPatch.context() as patch:
        use_environment(patch, s3_process.environment | {"AWS_CONFIG_FILE": str(nothing)})
        yield s3_process.new_bucket()


@pytest.fixture(scope="module")
def released(
    dvc_in_forks: None, bucket: str, s3_process: S3Server, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A repository whose tables are in a bucket, and whose release is a tag."""
    root = tmp_path_factory.mktemp("producer")
    run(root, "git", "init", "-q", "-b", "main")
    run(root, "git", "config", "user.name", "tests")
    run(root, "git", "config", "user.email", "tests@localhost")
    dvc(root, "init")
    dvc(root, "remote", "add", "--default", "store", f"s3://{bucket}/dvc")
    dvc(root, "remote", "modify", "store", "endpointurl", s3_process.endpoint)
    (root / "dvc.yaml").write_text(STAGES)
    run(root, "git", "add", ".")
    run(root, "git", "commit", "-q", "-m", "first")
    reproduce(root)
    push(root)
    commit = commit_to_branch(root, "runs", ["dvc.lock"], "a run")
    assert commit is not None
    tag_commit(root, "demo@1", commit, "a release")
    return root


def test_another_clone_pulls_what_was_pushed_to_the_bucket(released: Path, tmp_path: Path) -> None:
    run(tmp_path, "git", "clone", "-q", "-b", "runs", str(released), "clone")
    pull(tmp_path / "clone")
    assert (tmp_path / "clone/data/preferences/part").read_text() == "rows\n"


def test_another_repository_imports_the_tables_of_a_release(released: Path, tmp_path: Path) -> None:
    consumer = tmp_path / "consumer"
    consumer.mkdir()
    run(consumer, "git", "init", "-q")
    dvc(consumer, "init")
    dvc(consumer, "import", str(released), "data/preferences", "--rev", "demo@1")

    assert (consumer / "preferences/part").read_text() == "rows\n"
    assert "rev: demo@1" in (consumer / "preferences.dvc").read_text()
