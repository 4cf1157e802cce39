"""Outputs of a stage as they were when a version was made of them, from DVC's local cache.

DVC keeps a file under its MD5, `files/md5/<2 digits>/<30 digits>`, and a folder as a listing
under an MD5 that ends in `.dir`: JSON of [{md5, relpath}].
"""

from __future__ import annotations

import configparser
from collections.abc import Mapping, Sequence
from pathlib import Path

import orjson
import yaml

from prefline.project import Project
from prefline.releases.manifest import Manifest


class PastTables:
    """Tables of a project by the hashes that a version's lineage names.

    What is not here is told in `missing`, with what to do; not so of `optional` tables that the
    version does not name.
    """

    def __init__(
        self,
        project: Project | None,
        manifest: Manifest,
        names: Sequence[str],
        optional: Sequence[str] = (),
    ) -> None:
        self._commit = manifest.lineage.get("git_commit")
        self._found: dict[str, list[Path]] = {}
        self.missing: list[str] = []
        if project is None:
            self.missing.append("for its history run this in a clone of the project that made it")
            return
        outs = _outs(manifest.lineage.get("dvc_lock") or {})
        for name in names:
            of_table = {path: md5 for path, md5 in outs.items() if _is(name, path)}
            if of_table or name not in optional:
                self._find(project, name, of_table)

    def parts(self, name: str) -> list[Path]:
        """Return the files of a table as it was; none where it is missing."""
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
            tables = [file for file in files if file.suffix in ("", ".parquet")]
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


def past_files(root: Path, path: str, md5: str) -> list[Path] | None:
    """Return the files of an output of the project at `root` that had this hash, sorted by their
    names in it; None if they are not all here.

    They are looked for in the cache, and in the workspace where `dvc.lock` names the same hash.
    """
    cache = _cache_folder(root)
    cached = _listed(cache, md5) if md5.endswith(".dir") else [_cached(cache, md5)]
    if cached and all(file.is_file() for file in cached):
        return cached
    if _locked(root).get(path) == md5:
        output = root / path
        files = sorted(file for file in output.rglob("*") if file.is_file()) or [output]
        return files if all(file.is_file() for file in files) else None
    return None


def _listed(cache: Path, md5: str) -> list[Path]:
    listing = _cached(cache, md5)
    if not listing.is_file():
        return []
    entries = orjson.loads(listing.read_bytes())
    tables = [entry for entry in entries if entry["relpath"].endswith(".parquet")]
    return [
        _cached(cache, entry["md5"]) for entry in sorted(tables, key=lambda entry: entry["relpath"])
    ]


def _cached(cache: Path, md5: str) -> Path:
    return cache / "files" / "md5" / md5[:2] / md5[2:]


def _cache_folder(root: Path) -> Path:
    """Return `.dvc/cache`, or what DVC's configuration says; a relative path there is from
    `.dvc`."""
    config = configparser.ConfigParser(interpolation=None)
    config.read([root / ".dvc" / "config", root / ".dvc" / "config.local"], encoding="utf-8")
    return root / ".dvc" / Path(config.get("cache", "dir", fallback="cache")).expanduser()


def _locked(root: Path) -> Mapping[str, str]:
    """Return the hash of every output in `dvc.lock` by its path."""
    lock = root / "dvc.lock"
    if not lock.is_file():
        return {}
    stages = yaml.safe_load(lock.read_text(encoding="utf-8")).get("stages", {})
    return {
        output["path"]: output.get("md5", "")
        for stage in stages.values()
        for output in stage.get("outs", [])
    }
