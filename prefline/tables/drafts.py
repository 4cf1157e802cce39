"""A folder that appears whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from prefline.tables.parts import disk_errors


@contextmanager
def drafted(folder: Path) -> Iterator[Path]:
    """A folder to write into that takes the place of `folder` on a clean exit, and goes on any
    other. Raises `DiskFull`."""
    draft = folder.with_name(f".{folder.name}.{os.getpid()}.draft")
    with disk_errors(folder):
        for left in folder.parent.glob(f".{folder.name}.[0-9]*.draft"):
            shutil.rmtree(left, ignore_errors=True)
        draft.mkdir(parents=True)
        try:
            yield draft
            shutil.rmtree(folder, ignore_errors=True)
            draft.rename(folder)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
