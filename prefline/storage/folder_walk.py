"""What lies below a folder of objects: the objects, and what is not finished."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from prefline.atomic import TEMPORARY
from prefline.storage.contract import Entry


def entries_below(root: Path, prefix: str) -> list[Entry]:
    """The objects whose keys start with `prefix`, sorted; raises `OSError` as the disk does."""
    return sorted(
        Entry(key, stat.st_size, datetime.fromtimestamp(stat.st_mtime, UTC))
        for key, stat in _stats(root, prefix)
        if not _unfinished(key)
    )


def keys_below(root: Path, prefix: str) -> list[str]:
    """Their keys alone, sorted; raises `OSError` as the disk does."""
    return sorted(key for key in _names(root, prefix) if not _unfinished(key))


def unfinished_below(root: Path, prefix: str, older_than: timedelta) -> list[str]:
    """Temporary files that nobody has written to for `older_than`, as paths below `root`.

    Raises `OSError` as the disk does.
    """
    latest = datetime.now(UTC).timestamp() - older_than.total_seconds()
    stats = _stats(root, prefix)
    return sorted(key for key, stat in stats if _unfinished(key) and stat.st_mtime <= latest)


def _unfinished(key: str) -> bool:
    return key.rpartition("/")[2].startswith(TEMPORARY)


def _stats(root: Path, prefix: str) -> Iterator[tuple[str, os.stat_result]]:
    for key in _names(root, prefix):
        try:
            yield key, (root / key).stat()
        except FileNotFoundError:  # deleted, or finished, since it was listed
            continue


def _names(root: Path, prefix: str) -> Iterator[str]:
    def report(error: OSError) -> None:
        # Not there (yet), or no folder: nothing is under that prefix.
        if not isinstance(error, FileNotFoundError | NotADirectoryError):
            raise error

    for parent, _, names in os.walk(root / prefix.rpartition("/")[0], onerror=report):
        for name in names:
            key = (Path(parent) / name).relative_to(root).as_posix()
            if key.startswith(prefix):
                yield key
