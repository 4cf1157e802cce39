"""The history of a row of a published version, from the tables that the version was made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.dataset as ds

from prefline.cli.trace import describe, history_of
from prefline.errors import InputError, ProjectNotFound
from prefline.project import Project, find_project
from prefline.releases import Location, Manifest, locate, read_manifest
from prefline.releases.dvc_cache import past_files
from prefline.releases.transfer import verified_path

_TABLES = ("prompts", "responses", "judgments", "preferences", "rejections")
_ID_COLUMNS = ("pair_id", "prompt_id", "chosen_id", "rejected_id")
_OF_LINEAGE = ("git_commit", "git_dirty", "models", "judges", "calls", "packages", "meaning")
_MOST_ROWS = 20


def trace_in(uri: str, identity: str, project: Project | None = None) -> dict[str, Any]:
    """The rows of the version `uri` (`<store>/<dataset>@<V>`) that have this id, the version's
    lineage, and what led to them in the tables as they were when it was made.

    The tables are looked for in the project (by default that of the working directory); what is
    not there is told in `missing`, with what to do. Raises `VersionNotFound`, `VersionCorrupt`,
    and `InputError` if neither the version nor any table holds the id.
    """
    at = locate(uri)
    manifest = read_manifest(at)
    rows = _published(at, manifest, identity)
    project = project or _project_here()
    tables = _Tables(project, manifest)
    history = history_of(project, identity, tables.parts) if project else {}
    if not rows and not (history.get("prompt") or history.get("rejections")):
        raise InputError(
            f"neither {uri} nor the tables that it was made of hold the id {identity!r}",
            "take an id from a column that ends in `id`" + "".join(
                f"\n  {one}" for one in tables.missing
            ),
        )  # fmt: skip
    return {
        "id": identity,
        "version": f"{at.uri}@{manifest.version}",
        "created_at": manifest.created_at,
        "validation": manifest.validation,
        "forced": manifest.forced,
        "lineage": {name: manifest.lineage.get(name) for name in _OF_LINEAGE},
        "rows": rows,
        "history": history,
        "missing": tables.missing,
    }


def _published(at: Location, manifest: Manifest, identity: str) -> list[dict[str, Any]]:
    wanted = pc.field(_ID_COLUMNS[0]) == identity
    for column in _ID_COLUMNS[1:]:
        wanted |= pc.field(column) == identity
    rows: list[dict[str, Any]] = []
    for one in manifest.of("preference"):
        path = verified_path(at, one)
        rows += ds.dataset(str(path), format="parquet").filter(wanted).head(_MOST_ROWS).to_pylist()
    return rows[:_MOST_ROWS]


def _project_here() -> Project | None:
    try:
        return find_project()
    except ProjectNotFound:
        return None


class _Tables:
    """The tables of a project by the hashes that a version's lineage names."""

    def __init__(self, project: Project | None, manifest: Manifest) -> None:
        self._commit = manifest.lineage.get("git_commit")
        self._found: dict[str, list[Path]] = {}
        self.missing: list[str] = []
        if project is None:
            self.missing.append("for its history run this in a clone of the project that made it")
            return
        outs = _outs(manifest.lineage.get("dvc_lock") or {})
        for name in _TABLES:
            self._find(project, name, {path: md5 for path, md5 in outs.items() if _is(name, path)})

    def parts(self, name: str) -> list[Path]:
        """The files of a table as it was; none where it is missing."""
        return self._found.get(name, [])

    def _find(self, project: Project, name: str, outs: Mapping[str, str]) -> None:
        if not outs:
            self.missing.append(
                f"the version names no hash of data/{name}: it was made without DVC"
            )
        for path, md5 in sorted(outs.items()):
            files = past_files(project.root, path, md5)
            if files is None:
                self.missing.append(_not_here(path, md5, self._commit))
                continue
            tables = [one for one in files if one.suffix in ("", ".parquet")]
            self._found.setdefault(name, []).extend(tables)


def _outs(lock: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    return {path: md5 for stage in lock.values() for path, md5 in stage.items()}


def _is(name: str, path: str) -> bool:
    return path == f"data/{name}" or path.startswith(f"data/{name}/part-")


def _not_here(path: str, md5: str, commit: str | None) -> str:
    return (
        f"{path} as it was then (MD5 {md5}) is not in DVC's cache here: `dvc fetch --all-commits` "
        f"brings it where a remote has it; else `git checkout {commit or '<its commit>'}` and "
        "`dvc pull` or `dvc repro` in a clone"
    )


def describe_in(found: dict[str, Any]) -> str:
    """What was found, as text for a person."""
    lineage = found["lineage"]
    lines = [
        f"version   {found['version']}, created {found['created_at']}, git {lineage['git_commit']}"
        + (" with changes" if lineage["git_dirty"] else ""),
        f"          responses by {_listed(lineage['models'])}",
        f"          judged by {_listed(lineage['judges'])}",
    ]
    if found["forced"]:
        lines.append(f"          not validated, forced: {found['forced']['reason']}")
    for row in found["rows"]:
        lines += _row_lines(row)
    if not found["rows"]:
        lines.append("row       none in this version: rejected, or in no pair")
    if found["history"]:
        lines.append(describe(found["history"]))
    return "\n".join([*lines, *(f"missing   {one}" for one in found["missing"])])


def _listed(names: list[str] | None) -> str:
    return ", ".join(names or ["nobody known"])


def _row_lines(row: dict[str, Any]) -> list[str]:
    said: Callable[[str], str] = lambda side: repr(row[side][-1]["content"])  # noqa: E731
    return [
        f"row       {row['pair_id']}, p {row['p_chosen']:.3f}, split {row['split']}, "
        f"{row['label_source']} ({row['judges']})",
        f"          chosen   {row['chosen_id']} by {row['chosen_model']}: {said('chosen')}",
        f"          rejected {row['rejected_id']} by {row['rejected_model']}: {said('rejected')}",
    ]
