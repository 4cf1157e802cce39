"""A folder for the files of a version before they are in the store."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from prefline.atomic import disk_errors, is_alive

_NAME = "publish"


@contextmanager
def scratch_in(work: Path) -> Iterator[Path]:
    """A new folder in `work`, gone afterwards, with those that killed publishers have left there.

    Raises `DiskFull`.
    """
    with disk_errors(work):
        work.mkdir(parents=True, exist_ok=True)
        for folder in work.glob(f"{_NAME}-[0-9]*-*"):
            if not is_alive(int(folder.name.split("-")[1])):
                shutil.rmtree(folder, ignore_errors=True)
        with tempfile.TemporaryDirectory(dir=work, prefix=f"{_NAME}-{os.getpid()}-") as mine:
            yield Path(mine)
