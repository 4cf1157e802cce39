"""The whole line: what `make run` and the schedule start.

One Prefect server for all stages, `dvc repro` once, then `dvc push`. Where nothing has
changed no server is started.
"""

from __future__ import annotations

import orjson
from prefect import flow, task
from prefect.artifacts import create_link_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefline.report import print_summary, write_report

from flows.ending import end_with
from flows.stage import on_server
from prefline.params import PipelineParams, read_params
from prefline.project import Project, find_project
from prefline.repository import changed_stages, commit_to_branch, has_remote, push_branch, run_dvc

COMMITTED = ("dvc.lock", "data/release.json")


@task(cache_policy=NO_CACHE)
def reproduce(project: Project) -> None:
    """Run the stages that something has changed for."""
    run_dvc(project.root, "repro")


@task(cache_policy=NO_CACHE, retries=2, retry_delay_seconds=10)
def push(project: Project) -> None:
    """Send outputs to the DVC remote."""
    run_dvc(project.root, "push", "--quiet")


@task(cache_policy=NO_CACHE, retries=2, retry_delay_seconds=10)
def pull(project: Project) -> None:
    """Bring outputs that another machine has made."""
    run_dvc(project.root, "pull", "--allow-missing")


@task(cache_policy=NO_CACHE)
def commit(project: Project, params: PipelineParams) -> None:
    """Commit `dvc.lock` and the release's note to the branch that params name."""
    assert params.commit_branch is not None
    release = orjson.loads(project.release.read_bytes())
    message = f"{release['dataset']}@{release['version']}: published by the pipeline"
    made = commit_to_branch(project.root, params.commit_branch, COMMITTED, message)
    if made and params.git_push:
        push_branch(project.root, params.commit_branch)


@task(cache_policy=NO_CACHE)
def leave_artifacts(project: Project) -> None:
    """A table of figures, and links to the report, the Data Docs and the version."""
    release = orjson.loads(project.release.read_bytes())
    paired = orjson.loads(project.metrics("pair").read_bytes())
    figures = [
        {"figure": "version", "value": f"{release['dataset']}@{release['version']}"},
        {"figure": "preferences", "value": paired["preferences"]},
        {"figure": "rejected pairs", "value": sum(paired["rejected"].values())},
        {"figure": "queued for review", "value": paired["queued_for_review"]},
        *({"figure": "label quality", "value": line} for line in release["quality"]),
    ]
    create_table_artifact(figures, key="figures", description="What this run made")
    create_link_artifact(project.report.as_uri(), key="report")
    docs = project.table("validation") / "data_docs" / "index.html"
    create_link_artifact(docs.as_uri(), key="data-docs")
    version = f"{release['store']}/{release['dataset']}/versions/{release['version']:06d}"
    create_link_artifact(version, key="version")


@flow(name="pipeline")
def pipeline() -> None:
    """Pull, reproduce, report, push and commit, as `params.yaml` says."""
    project = find_project()
    params = read_params(project.params).pipeline
    if params.pull:
        pull(project)

    reproduce(project)
    write_report(project)

    if params.push and has_remote(project.root):
        push(project)
    if params.commit_branch:
        commit(project, params)
    leave_artifacts(project)


def run(project: Project) -> None:
    """Run the line if there is anything to do, and say what there is now."""
    if project.release.is_file() and not changed_stages(project.root):
        print("nothing to do: no stage's code, data or params have changed")
        if not project.report.is_file():
            write_report(project)
    else:
        with on_server(project):
            pipeline()
    print_summary(project)


if __name__ == "__main__":
    end_with(run)
