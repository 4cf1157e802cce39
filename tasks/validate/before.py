"""The version before this one, to compare with."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from prefline.config import PublishParams
from prefline.errors import VersionNotFound
from prefline.releases import Location, read_manifest
from prefline.releases.manifest import PREFERENCE
from prefline.releases.transfer import verified_copy
from prefline.storage import ObjectStore
from tasks.validate.drift import COLUMNS


def read_before(
    store: ObjectStore, params: PublishParams, scratch: Path
) -> tuple[str | None, pa.Table | None]:
    """The version that the channel leads to (`dataset@version`) and the columns of its preferences
    that drift looks at, a file at a time; None and None before the first version.

    Raises `VersionCorrupt` if the store does not hold what the manifest says, and what the store
    raises if it cannot be reached.
    """
    at = Location(store, params.dataset, params.channel)
    try:
        manifest = read_manifest(at)
    except VersionNotFound:
        return None, None
    tables = []
    for one in manifest.of(PREFERENCE):
        with verified_copy(at, one, scratch) as path:
            tables.append(pq.ParquetFile(path).read(columns=list(COLUMNS)))
    return f"{params.dataset}@{manifest.version}", pa.concat_tables(tables) if tables else None
