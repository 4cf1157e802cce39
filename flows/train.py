"""Stage `train`: a reward model or a policy, from a published version."""

from __future__ import annotations

from pathlib import Path

from prefect import flow

from flows.runtime.progress_artifact import progress_artifact
from flows.runtime.rate_limits import prefect_slots
from flows.runtime.stage import as_task, run_stage
from prefline.atomic import atomic_folder
from prefline.config import Params, RewardHeadParams, read_params
from prefline.llm import open_engine
from prefline.llm.progress import Progress
from prefline.project import Project, find_project
from prefline.releases.models import publish_model
from prefline.reward.version import Rows, read_version
from prefline.storage.opening import project_store
from tasks.train import Made, finish, train_head, tune


@flow(name="train")
def train() -> None:
    """Write `data/model`."""
    project = find_project()
    params = read_params(project.params)
    recipe = params.train
    version = read_version(project, params.publish)
    rows = version.rows("train")

    with atomic_folder(project.table("model")) as draft:
        if isinstance(recipe, RewardHeadParams):
            made = _head(project, params, recipe, (rows, draft))
        else:
            made = as_task(tune)(rows, recipe, project.root, draft)
        trained = finish(draft, made, version.data, recipe.model_dump(mode="json"))

    if recipe.publish:
        store = project_store(project, params.publish)
        dataset = version.data["dataset"]
        uri = as_task(publish_model)(store, dataset, trained.name, project.table("model"))
        print(f"train: published {uri}")
    print(f"train: {trained.name}, from {len(rows):,} preferences")


def _head(
    project: Project, params: Params, recipe: RewardHeadParams, given: tuple[Rows, Path]
) -> Made:
    rows, draft = given
    endpoints = [recipe.endpoint]
    with (
        prefect_slots(endpoints) as acquire_slots,
        open_engine(project, endpoints, params.engine, acquire_slots=acquire_slots) as engine,
        Progress("train", 2 * len(rows), engine) as progress,
        progress_artifact("train", progress),
    ):
        return as_task(train_head)(engine, recipe, rows, draft)


if __name__ == "__main__":
    run_stage(train)
