"""Taking replies out of the store, and merging its finished journals into one.

The journal that takes what is kept is whole, on the disk and under its name before any other
is removed. Killed in between, the store holds records twice, and the next pruning mends that.
"""

from __future__ import annotations

import errno
import os
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from prefline.errors import DiskFull
from prefline.llm.replies.folder import locked, sync_folder
from prefline.llm.replies.framing import SUFFIX
from prefline.llm.replies.journal import DRAFT
from prefline.llm.replies.summary import Summary, model_of
from prefline.llm.replies.walk import Stored, names_of, walk

_STALE_S = 3_600


@dataclass(frozen=True, slots=True)
class Filters:
    """Which replies go: those for which all that is given holds. None given: none go.

    `before` is a Unix time in seconds, `used` the keys that are not to go.
    """

    before: float | None = None
    model: str | None = None
    used: frozenset[bytes] | None = None

    def drop(self, stored: Stored) -> bool:
        """Whether a record goes."""
        if self == Filters():
            return False
        header = stored.header
        if self.before is not None and header.at >= self.before:
            return False
        if self.used is not None and header.key in self.used:
            return False
        return self.model is None or self._is_of_model(stored)

    def _is_of_model(self, stored: Stored) -> bool:
        record = stored.record
        return record is not None and model_of(record) == self.model


@dataclass(frozen=True, slots=True)
class Pruned:
    """What went, what was kept (both of finished journals), and how many journals there
    were: finished ones, and ones that are still written and were left alone."""

    gone: Summary
    kept: int
    finished: int
    growing: int


def plan(folder: Path, filters: Filters) -> Pruned:
    """What pruning would do."""
    return _again_if_overtaken(folder, lambda: _plan(folder, filters))


def prune(folder: Path, filters: Filters) -> Pruned:
    """Remove what the filters name from the finished journals, and make one of them.

    Raises `DiskFull` if there is no room for that one; nothing is changed then.
    """
    return _again_if_overtaken(folder, lambda: _prune(folder, filters))


def _again_if_overtaken(folder: Path, do: Callable[[], Pruned]) -> Pruned:
    while folder.is_dir():
        try:
            return do()
        except FileNotFoundError:  # somebody else prunes too
            continue
    return Pruned(Summary(), 0, 0, 0)


def _plan(folder: Path, filters: Filters) -> Pruned:
    finished, growing = names_of(folder)
    gone = Summary()
    kept = sum(1 for _ in _kept(walk(folder, finished), filters, gone))
    return Pruned(gone, kept, len(finished), len(growing))


def _prune(folder: Path, filters: Filters) -> Pruned:
    finished, growing = names_of(folder)
    gone, kept, size = Summary(), 0, 0
    with _draft(folder) as draft:
        with draft.open("xb") as file:
            for kept, stored in enumerate(_kept(walk(folder, finished), filters, gone), 1):  # noqa: B007
                size += file.write(stored.framed)
            file.flush()
            os.fsync(file.fileno())
        if len(finished) > 1 or size != sum((folder / name).stat().st_size for name in finished):
            _swap(folder, draft if kept else None, finished)
    return Pruned(gone, kept, len(finished), len(growing))


def _kept(records: Iterable[Stored], filters: Filters, gone: Summary) -> Iterator[Stored]:
    """The records that stay; the others are counted in `gone`."""
    for stored in records:
        if filters.drop(stored):
            gone.add(stored)
        else:
            yield stored


def _swap(folder: Path, draft: Path | None, finished: list[str]) -> None:
    """Let the new journal take the place of the old ones."""
    with locked(folder, alone=True):
        if draft is not None:
            draft.rename(draft.with_suffix(SUFFIX))
            sync_folder(folder)
        for name in finished:
            (folder / name).unlink(missing_ok=True)
        sync_folder(folder)


@contextmanager
def _draft(folder: Path) -> Iterator[Path]:
    """A new name in the folder. What is left there is removed, also what earlier ones left
    that were killed."""
    for path in folder.glob(f"*{DRAFT}"):
        if time.time() - path.stat().st_mtime > _STALE_S:
            path.unlink(missing_ok=True)
    draft = folder / f"{time.time_ns():020d}-{os.getpid()}-{secrets.token_hex(2)}{DRAFT}"
    try:
        yield draft
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise DiskFull(
            f"no space left for the journal that would take what is kept in {folder}",
            "free some space and run the same command again: nothing was changed",
        ) from error
    finally:
        draft.unlink(missing_ok=True)
