"""Stage `publish`: an immutable version in the object store."""

from __future__ import annotations

import argparse

from prefect import flow

from flows.runtime.stage import as_task, run_stage
from prefline.config import read_params
from prefline.project import find_project
from prefline.releases.manifest import PREFERENCE
from prefline.storage.opening import project_store, store_of
from prefline.tables.metrics import write_metrics
from prefline.text import visible
from tasks.publish import (
    SAME_WHEN_CUT,
    copy_to_hub,
    cut_pairs,
    measure_warrant,
    pass_gate,
    publish_version,
    read_inputs,
    release_note,
    unwarranted,
    write_withheld,
)


@flow(name="publish")
def publish(force: str | None = None) -> None:
    """Publish `data/preferences` and write `data/release.json`; `force` is why they are to be
    published although they did not pass validation."""
    project = find_project()
    params = read_params(project.params)
    inputs = read_inputs(project, params)

    warrant = measure_warrant(inputs)
    forced = pass_gate(inputs.validation, inputs.files, force, unwarranted(warrant))
    store = project_store(project, params.publish)

    release = as_task(publish_version)(store, inputs, forced, warrant)
    withheld = write_withheld(inputs, warrant, forced)
    is_experiment = store_of(params.publish) != params.publish.store
    hub = None if is_experiment else params.publish.hub
    copied = as_task(copy_to_hub)(store, release.manifest, hub)

    note = release_note(release, inputs)
    write_metrics(project.release, note)
    word = "published" if release.created else "already published"
    print(f"publish: {word} {note['dataset']}@{note['version']} in {note['store']}")
    if is_experiment:
        print("publish: an experiment, so nothing is in the store of params; where it is applied, "
              "the pipeline publishes it, or `dvc repro --force --single-item publish`"
              )  # fmt: skip
    for line in warrant["says"]:
        print(f"publish: {line}")
    if withheld:
        print(f"publish: withheld as not warranted: see {project.table('withheld')}/queue.jsonl, "
              f"where {withheld:,} pairs stand in the order of their value to people")  # fmt: skip
    if cut := note["left_out"].get(PREFERENCE, {}).get(SAME_WHEN_CUT):
        print(f"publish: left out, since a trainer that cuts at publish.max_tokens sees the same "
              f"answer twice: {cut:,} pairs, see {cut_pairs(project, note['recipe'])}")  # fmt: skip
    if warrant["remedy"]:
        print(f"publish: remedy: {warrant['remedy']}")
    if why := release.manifest.lineage.get("git_unknown"):
        print(visible(f"publish: warning: the version names no commit of its code: {why}"))
    if copied:
        print(f"publish: {copied}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Publish data/preferences as a version.")
    parser.add_argument("--force", metavar="REASON", help="why, although validation failed")
    run_stage(publish, force=parser.parse_args().force)
