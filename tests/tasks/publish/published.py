"""A small project whose line has been run, to publish from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from prefline.config import read_params
from prefline.project import Project
from prefline.releases import Location, Manifest, Release
from prefline.releases.layout import object_key
from prefline.storage import open_store
from prefline.tables import part_hashes
from tasks.publish import pass_gate, publish_version, read_inputs
from tests.prefline.report.projects import full_project, save, save_json

Row = dict[str, Any]


def project_at(root: Path, *, prompts: int = 12, **publish: Any) -> Project:
    """A project with preferences that passed validation; `publish` are params of that section."""
    project = full_project(root, prompts=prompts)
    validated(project)
    set_params(project, publish={"store": "store", "dataset": "demo", **publish})
    return project


def validated(project: Project, **changes: Any) -> None:
    """Let `validate` have checked the table that is there."""
    path = project.table("validation") / "results.json"
    found = json.loads(path.read_text()) | {
        "files": {"preferences": part_hashes(project.table("preferences"))}
    }
    save_json(path, found | changes)


def set_params(project: Project, **sections: Row) -> None:
    """Change keys of sections of `params.yaml`."""
    params = yaml.safe_load(project.params.read_text())
    for section, keys in sections.items():
        params[section] = params.get(section, {}) | keys
    project.params.write_text(yaml.safe_dump(params))


def set_preferences(project: Project, rows: list[Row]) -> None:
    """Write the table anew, and let it have been validated."""
    save(project, "preferences", rows)
    validated(project)


def preferences_of(project: Project) -> list[Row]:
    """The rows of the project's table."""
    rows: list[Row] = pq.read_table(project.table("preferences")).to_pylist()
    return rows


def publish(project: Project, force: str | None = None) -> Release:
    """What the stage does, without Prefect."""
    made = read_inputs(project, read_params(project.params))
    forced = pass_gate(made.validation, made.files, force)
    return publish_version(open_store(str(project.root / "store")), made, forced)


def rows_of(project: Project, manifest: Manifest, name: str = "preference") -> pa.Table:
    """The published rows of a format, in the order of its files."""
    store = project.root / "store"
    keys = [object_key(manifest.dataset, one.sha256) for one in manifest.of(name)]
    return pa.concat_tables([pq.ParquetFile(store / key).read() for key in keys])


def location(project: Project, version: int) -> Location:
    """Where a version is."""
    return Location(open_store(str(project.root / "store")), "demo", str(version))


def card_text(project: Project, version: int = 1) -> str:
    """The card of a version."""
    path = project.root / f"store/demo/versions/{version:06d}/README.md"
    return path.read_text(encoding="utf-8")
