"""Stage `publish`: an immutable version in the object store."""

from __future__ import annotations

import tempfile
from pathlib import Path

import orjson
from prefect import flow

from flows.as_task import as_task
from flows.stage import run_stage
from prefline.metrics import write_metrics
from prefline.objects import open_store
from prefline.params import read_params
from prefline.project import find_project
from prefline.quality import quality_lines
from prefline.releases import Draft, DraftFile
from prefline.releases import publish as publish_version
from prefline.tables import read_table
from tasks.publish import (
    Made,
    card_of,
    lineage,
    refuse_unvalidated,
    release_note,
    write_splits,
)


@flow(name="publish")
def publish() -> None:
    """Publish `data/preferences` and write `data/release.json`."""
    project = find_project()
    params = read_params(project.params)
    made = Made(
        preferences=read_table(project.table("preferences")),
        rejections=read_table(project.table("rejections")),
        calls={
            "generate": read_table(project.table("responses")),
            "judge": read_table(project.table("judgments")),
        },
        judged=orjson.loads(project.metrics("judge").read_bytes()),
        paired=orjson.loads(project.metrics("pair").read_bytes()),
        validation=orjson.loads((project.table("validation") / "results.json").read_bytes()),
    )
    refuse_unvalidated(made.validation)

    where = project.store_uri(params.publish.store)
    quality = quality_lines(made.judged, made.paired)
    with tempfile.TemporaryDirectory() as scratch:
        splits = write_splits(made.preferences, Path(scratch))
        draft = Draft(
            dataset=params.publish.dataset,
            files=[DraftFile(split, path) for split, path in splits.items()],
            card=card_of(made, params.publish, splits),
            license=params.publish.license,
            channel=params.publish.channel,
            lineage=lineage(project.root, made, params.model_dump(mode="json", by_alias=True)),
            validation={name: made.validation[name] for name in ("passed", "n_warnings")},
            quality={"words": quality, "judges": made.judged["judges"], "pairs": made.paired},
        )
        release = as_task(publish_version)(open_store(where), draft)

    note = release_note(release, params.publish.store, quality)
    write_metrics(project.release, note)
    word = "published" if release.created else "already published"
    print(f"publish: {word} {note['dataset']}@{note['version']} in {params.publish.store}")


if __name__ == "__main__":
    run_stage(publish)
