"""The reach of a judge that was found bad: versions, their rows, and models trained on them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from prefline.errors import VersionYanked
from prefline.releases.channels import channel_names, read_channel
from prefline.releases.layout import Location
from prefline.releases.manifest import PREFERENCE, Manifest
from prefline.releases.models import list_models
from prefline.releases.transfer import map_in_threads, verified_path
from prefline.releases.versions import intact_manifests
from prefline.releases.yanks import Yank, read_version_index, read_yanks
from prefline.tables.parts import open_parquet
from prefline.tables.unpacking import bounded_batches


@dataclass(frozen=True, slots=True)
class TouchedVersion:
    """A version that a judge touched.

    `rows` counts, by split, the rows behind whose label the judge is, `alone` those behind which
    no other judge is, `of` all rows. `fitted` tells whether it was among the judges that were
    fitted together, so that it may have moved the labels of other rows too. `channels` lead here,
    `models` were trained on it; `yanked` is the reason of a withdrawal. Where `files_deleted`,
    the rows cannot be counted any more.
    """

    version: int
    created_at: str
    rows: Mapping[str, int]
    alone: int
    of: int
    fitted: bool
    channels: Sequence[str]
    models: Sequence[str]
    yanked: str | None
    files_deleted: bool

    @property
    def count(self) -> int:
        """Rows behind whose label the judge is, of all splits."""
        return sum(self.rows.values())

    def as_dict(self) -> dict[str, Any]:
        """Return the version for JSON."""
        return asdict(self)


def touched_versions(location: Location, judge: str) -> list[TouchedVersion]:
    """Return the versions of a dataset that a judge touched, by rising number.

    Each file is read once, whatever the number of versions that have it. Raises `VersionCorrupt`
    and what the store raises.
    """
    store, dataset = location.store, location.dataset
    yanks = read_yanks(store, dataset, read_version_index(store, dataset))
    manifests = intact_manifests(store, dataset)
    there = [m for m in manifests if not _is_gone(yanks.get(m.version))]
    files = {file.sha256: file for manifest in there for file in manifest.of(PREFERENCE)}
    counts = dict(
        zip(
            files,
            map_in_threads(lambda file: _count(verified_path(location, file), judge),
                           files.values()),
            strict=True,
        )
    )  # fmt: skip
    channels, models = _channels(location), _models(location)
    found = [
        _touched(manifest, judge, counts, yanks.get(manifest.version), channels, models)
        for manifest in manifests
    ]
    return [one for one in found if one.count or one.fitted]


def judges_of(location: Location) -> list[str]:
    """Return the names of all judges that a version of the dataset names."""
    manifests = intact_manifests(location.store, location.dataset)
    return sorted({name for manifest in manifests for name in manifest.lineage.get("judges") or ()})


def _is_gone(yank: Yank | None) -> bool:
    return yank is not None and yank.collected


def _count(path: Any, judge: str) -> tuple[int, int]:
    """Return the rows of a file that the judge is behind, and those that no other is."""
    file, among, alone = open_parquet(path), 0, 0
    for batch in bounded_batches(str(path), file, ["judges"], 50_000):
        names: Any = batch.column(0)
        among += _sum(pc.match_substring_regex(names, f"(^|,){re.escape(judge)}(,|$)"))
        alone += _sum(pc.equal(names, pa.scalar(judge)))
    return among, alone


def _sum(flags: Any) -> int:
    return int(pc.sum(flags).as_py() or 0)


def _touched(
    manifest: Manifest,
    judge: str,
    counts: Mapping[str, tuple[int, int]],
    yank: Yank | None,
    channels: Mapping[str, int | None],
    models: Mapping[str, int],
) -> TouchedVersion:
    rows: dict[str, int] = {}
    alone = 0
    for file in manifest.of(PREFERENCE):
        among, only = counts.get(file.sha256, (0, 0))
        rows[file.split] = rows.get(file.split, 0) + among
        alone += only
    number = manifest.version
    return TouchedVersion(
        version=number,
        created_at=manifest.created_at,
        rows={split: count for split, count in sorted(rows.items()) if count},
        alone=alone,
        of=sum(manifest.rows.values()),
        fitted=judge in (manifest.lineage.get("judges") or ()),
        channels=[name for name, version in channels.items() if version == number],
        models=[name for name, version in models.items() if version == number],
        yanked=yank.reason if yank else None,
        files_deleted=_is_gone(yank),
    )


def _channels(location: Location) -> dict[str, int | None]:
    """Return where each channel leads; None where it leads nowhere."""
    found: dict[str, int | None] = {}
    for name in channel_names(location.store, location.dataset):
        try:
            found[name] = read_channel(location.store, location.dataset, name)
        except VersionYanked:
            found[name] = None
    return found


def _models(location: Location) -> dict[str, int]:
    """Return the version that each model beside the dataset was trained on."""
    return {note["name"]: int(note["data"]["version"]) for note in list_models(location)}
