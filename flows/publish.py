"""Stage `publish`: an immutable version in the object store."""

from __future__ import annotations

import argparse

from prefect import flow

from flows.runtime.stage import as_task, run_stage
from prefline.config import read_params
from prefline.project import find_project
from prefline.storage.opening import project_store
from prefline.tables.metrics import write_metrics
from tasks.publish import (
    copy_to_hub,
    pass_gate,
    publish_version,
    read_inputs,
    release_note,
)


@flow(name="publish")
def publish(force: str | None = None) -> None:
    """Publish `data/preferences` and write `data/release.json`; `force` is why they are to be
    published although they did not pass validation."""
    project = find_project()
    params = read_params(project.params)
    inputs = read_inputs(project, params)

    forced = pass_gate(inputs.validation, inputs.files, force)
    store = project_store(project, params.publish)

    release = as_task(publish_version)(store, inputs, forced)
    copied = as_task(copy_to_hub)(store, release.manifest, params.publish.hub)

    note = release_note(release, inputs)
    write_metrics(project.release, note)
    word = "published" if release.created else "already published"
    print(f"publish: {word} {note['dataset']}@{note['version']} in {params.publish.store}")
    if copied:
        print(f"publish: {copied}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Publish data/preferences as a version.")
    parser.add_argument("--force", metavar="REASON", help="why, although validation failed")
    run_stage(publish, force=parser.parse_args().force)
