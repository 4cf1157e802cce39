"""Artifacts of a pipeline run on the Prefect server: a table of figures, and links."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
from prefect.artifacts import create_link_artifact, create_table_artifact

from prefline.project import Project

Json = dict[str, Any]


def figures(release: Json, judged: Json, paired: Json) -> list[dict[str, Any]]:
    """Return the rows of the table of figures. What a run has not made has no row."""
    rows: list[tuple[str, Any]] = []
    if release:
        rows.append(("version", f"{release['dataset']}@{release['version']}"))
        rows += [(f"rows in {split}", n) for split, n in sorted(release["rows"].items())]
    if paired:
        rows.append(("preferences", paired["preferences"]))
        rows.append(("rejected pairs", sum(paired["rejected"].values())))
        rows.append(("queued for review", paired["queued_for_review"]))
    judges = judged.get("judges", {})
    rows += [(f"verdicts of {name}", one["n_verdicts"]) for name, one in judges.items()]
    rows += [("label quality", line) for line in release.get("quality", [])]
    return [{"figure": name, "value": value} for name, value in rows]


def links(project: Project, release: Json) -> dict[str, str]:
    """Return where to look, by the artifact's key. What is not there has no link."""
    pages = {
        "report": project.report,
        "data-docs": project.table("validation") / "data_docs" / "index.html",
    }
    urls = {key: page.as_uri() for key, page in pages.items() if page.is_file()}
    if release:
        store = project.store_uri(release["store"])
        base = store if "://" in store else Path(store).as_uri()
        urls["version"] = f"{base}/{release['dataset']}/versions/{release['version']:06d}"
    return urls


def leave_artifacts(project: Project) -> None:
    """A table of figures, and links to the report, the Data Docs and the version."""
    release = _read(project.release)
    judged, paired = (_read(project.metrics(stage)) for stage in ("judge", "pair"))
    create_table_artifact(
        figures(release, judged, paired), key="figures", description="What this run made"
    )
    for key, link in links(project, release).items():
        create_link_artifact(link, key=key)


def _read(path: Path) -> Json:
    """Return a file of figures; empty where a stage has not written it."""
    found: Json = orjson.loads(path.read_bytes()) if path.is_file() else {}
    return found
