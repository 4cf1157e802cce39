"""The whole pipeline: what `make run` and the schedule start.

One Prefect server for all stages, `dvc repro` once, then `dvc push`. Where nothing has changed
no server is started, and Prefect is not even imported.
"""

from __future__ import annotations

import sys

import orjson

from flows.runtime import dvc, git
from flows.runtime.ending import run_command
from flows.runtime.fork_client import named_server, run_forked
from flows.runtime.fork_server import start_fork_server
from flows.runtime.prefect_server import start_early
from prefline.config import PipelineParams, read_params
from prefline.config.environment import experiment
from prefline.project import Project, find_project
from prefline.storage.opening import EXPERIMENTS

COMMITTED = ("params.yaml", "dvc.lock", "data/release.json")


def is_of_an_experiment(project: Project) -> bool:
    """Return whether the release is one that an experiment published for itself alone, which
    `dvc exp apply` brings here as if it were done."""
    return bool(orjson.loads(project.release.read_bytes())["store"] == EXPERIMENTS)


def leave_if_done(project: Project) -> None:
    """End the process with a summary if no stage's code, data or params have changed."""
    dvc.wait_for_others(project.root)
    if not project.release.is_file() or dvc.changed_stages(project.root):
        return
    if is_of_an_experiment(project):
        return
    from prefline.report import print_summary

    print("nothing to do: no stage's code, data or params have changed")
    if not project.report.is_file():
        from prefline.report import write_report

        write_report(project)
    print_summary(project)
    sys.exit()


# Something is stale, as the process that this one is the fork of has found.
_STALE = "--stale"

if __name__ == "__main__" and _STALE not in sys.argv:
    # Here, since what is imported below takes seconds.
    run_command(leave_if_done)
    start_early(find_project())
    start_fork_server("flows.pipeline")
    if server := named_server(str(find_project().root)):
        run_forked(server, ["-m", "flows.pipeline", _STALE])

from prefect import flow, task  # noqa: E402
from prefect.cache_policies import NO_CACHE  # noqa: E402

from flows.runtime.artifacts import leave_artifacts  # noqa: E402
from flows.runtime.stage import on_server  # noqa: E402
from flows.runtime.target import reach_target  # noqa: E402
from prefline.report import print_summary, write_report  # noqa: E402


@task(cache_policy=NO_CACHE)
def reproduce(project: Project) -> None:
    """Run the stages that something has changed for, until there are as many preferences as params
    ask for; and publish what an experiment did not."""
    if target := read_params(project.params).sample.until:
        reach_target(project, target)
    dvc.reproduce(project.root)
    if is_of_an_experiment(project) and experiment() is None:
        dvc.reproduce(project.root, "--force", "--single-item", "publish")
        dvc.reproduce(project.root)


@task(cache_policy=NO_CACHE, retries=2, retry_delay_seconds=5)
def pull(project: Project) -> None:
    """Bring outputs that another machine has made."""
    dvc.pull(project.root)


@task(cache_policy=NO_CACHE, retries=2, retry_delay_seconds=5)
def push(project: Project) -> None:
    """Send outputs to the DVC remote."""
    dvc.push(project.root)


@task(cache_policy=NO_CACHE)
def commit(project: Project, params: PipelineParams) -> None:
    """Commit params, `dvc.lock` and the release's note to the branch that params name, and tag it
    with the release, so that other repositories can `dvc import` its tables."""
    assert params.commit_branch is not None
    files = [name for name in COMMITTED if (project.root / name).is_file()]
    release = orjson.loads(project.release.read_bytes())
    tag = f"{release['dataset']}@{release['version']}"
    message = f"{tag}: made by the pipeline"
    committed = git.commit_to_branch(project.root, params.commit_branch, files, message)
    if not committed:
        return
    refs = [f"refs/heads/{params.commit_branch}"]
    if git.tag_commit(project.root, tag, committed, message):
        refs.append(f"refs/tags/{tag}")
    if params.git_push:
        git.push_refs(project.root, *refs)


def pull_if_any(project: Project) -> None:
    """`pull`, or a word on why there is nothing to pull."""
    if not dvc.has_remote(project.root):
        print("pull: no DVC remote is set, so there is nothing to pull")
    elif not (project.root / "dvc.lock").is_file():
        print("pull: nothing has been run here yet (no dvc.lock), so there is nothing to pull")
    else:
        pull(project)


@flow(name="pipeline")
def pipeline() -> None:
    """Pull, reproduce, report, push and commit, as `params.yaml` says."""
    project = find_project()
    params = read_params(project.params).pipeline
    if params.pull:
        pull_if_any(project)

    reproduce(project)
    write_report(project)

    if params.push and dvc.has_remote(project.root):
        push(project)
    if params.commit_branch:
        commit(project, params)
    leave_artifacts(project)


def run(project: Project) -> None:
    """Run the pipeline on a server, and say what there is now."""
    with on_server(project):
        pipeline()
    print_summary(project)


if __name__ == "__main__":
    run_command(run)
