"""Stage `train`: a reward model or a policy, from a published version."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from prefect import flow

from flows.runtime.model_calls import model_calls
from flows.runtime.stage import as_task, run_stage
from prefline.atomic import atomic_folder
from prefline.config import EngineParams, read_params
from prefline.project import Project, find_project
from prefline.releases.models import publish_model
from prefline.reward.version import read_version
from prefline.storage.opening import project_store
from tasks.train.folder import finish_folder
from tasks.train.trainers import Trainer, TrainingJob, TrainingResult, trainer_of


@flow(name="train")
def train() -> None:
    """Write `data/model`."""
    project = find_project()
    params = read_params(project.params)
    version = read_version(project, params.publish)

    recipe, rows = params.train, version.rows("train")
    trainer = trainer_of(recipe)

    with atomic_folder(project.table("model")) as draft:
        job = TrainingJob(rows, recipe, draft, project.root)
        result = _run(trainer, job, project, params.engine)
        trained = finish_folder(
            draft, trainer, result, version.data, recipe.model_dump(mode="json")
        )

    if recipe.publish:
        store = project_store(project, params.publish)
        dataset = version.data["dataset"]
        uri = as_task(publish_model)(store, dataset, trained.name, project.table("model"))
        print(f"train: published {uri}")
    print(f"train: {trained.name}, from {len(rows):,} preferences")


def _run(
    trainer: Trainer[Any], job: TrainingJob[Any], project: Project, engine_params: EngineParams
) -> TrainingResult:
    endpoints = trainer.endpoints(job.params)
    if not endpoints:
        return as_task(trainer.train)(job)
    total = len(trainer.requests(job.params, job.rows))
    with model_calls(project, "train", endpoints, engine_params, total=total) as (engine, _):
        return as_task(trainer.train)(replace(job, engine=engine))


if __name__ == "__main__":
    run_stage(train)
