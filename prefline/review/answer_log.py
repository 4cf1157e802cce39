"""The answers of one reviewer on the page: a file of JSON lines that only ever grows.

`data/reviews/prefline-<reviewer>.jsonl` holds a row for each key that was pressed, in the format
that the stage `pair` reads (docs/reviews.md). A row is on the disk before the next pair shows. What
was taken back stays in the file, with a row after it that says so.
"""

from __future__ import annotations

import fcntl
import os
import re
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from prefline.atomic import disk_full, sync_folder
from prefline.errors import FileError, InputError

TIE = "tie"
_PREFIX, _SUFFIX = "prefline-", ".jsonl"
_NAME = re.compile(r"\w[\w.-]{0,39}")
_LONGEST_ANSWER_S = 600.0  # who takes longer was away


@dataclass(frozen=True, slots=True)
class Entry:
    """An answer of a reviewer on a pair: `preferred` is a response's id, `tie`, or None for a skip.

    `repeat` says that they had answered it before, and are measured by it. `seconds` is how long
    they looked at it, as far as their browser tells.
    """

    pair_id: str
    preferred: str | None
    other: str
    repeat: bool = False
    seconds: float | None = None
    comment: str = ""
    answered_at: str = ""


def reviewer_name(text: str) -> str:
    """Return the name of a reviewer as files and rows have it.

    Raises `InputError` for a name that is no name of a file.
    """
    name = unicodedata.normalize("NFC", text.strip()).casefold().replace(" ", "-")
    if not _NAME.fullmatch(name):
        raise InputError(
            f"{text[:60]!r} is no name of a reviewer",
            "take letters, digits, dots and hyphens, at most 40 of them",
        )
    return name


def reviewers_in(folder: Path) -> list[str]:
    """Return the names of all reviewers who have a file in `folder`, sorted."""
    names = [path.name[len(_PREFIX) : -len(_SUFFIX)] for path in _files(folder)]
    return sorted(name for name in names if _NAME.fullmatch(name))


def _files(folder: Path) -> list[Path]:
    return list(folder.glob(f"{_PREFIX}*{_SUFFIX}")) if folder.is_dir() else []


class AnswerLog:
    """The file of one reviewer, and what of it stands.

    Several processes may write the same file: each takes its lock and reads what is new before it
    appends. Raises `InputError` for a row that is no answer, `DiskFull` and `FileError`.
    """

    def __init__(self, folder: Path, reviewer: str) -> None:
        self.reviewer = reviewer
        self.path = folder / f"{_PREFIX}{reviewer}{_SUFFIX}"
        self._read = 0  # bytes
        self._rows = 0
        self._file = 0  # its inode
        self.standing: list[Entry] = []
        """The answers that were not taken back, in order."""
        self.taken_back: list[Entry] = []
        """The answers that were taken back and not yet given anew, the latest last."""
        self.refresh()

    def refresh(self) -> None:
        """Read what was added to the file."""
        try:
            status = self.path.stat()
            size, file = status.st_size, status.st_ino
        except FileNotFoundError:
            size, file = 0, 0
        if size < self._read or file != self._file:
            self._forget()
        if size > self._read:
            with self._locked() as handle:
                self._mend(handle)
                self._read_new(handle)

    def answered(self, pair_id: str, *, repeat: bool = False) -> Entry | None:
        """Return what stands on a pair, or on its second showing; None if nothing does."""
        for entry in self.standing:
            if entry.pair_id == pair_id and entry.repeat == repeat:
                return entry
        return None

    def add(self, entry: Entry, *, left: str) -> bool:
        """Append an answer and return True once it is on the disk; False if it stands already.

        `left` is the response that was shown on the left.
        """
        with self._locked() as handle:
            self._mend(handle)
            self._read_new(handle)
            if self.answered(entry.pair_id, repeat=entry.repeat):
                return False
            row = self._row(entry) | {"left_id": left}
            if entry.seconds is not None:
                row["seconds"] = round(min(entry.seconds, _LONGEST_ANSWER_S), 1)
            if entry.comment:
                row["comment"] = entry.comment
            self._append(handle, row)
            return True

    def undo(self, pair_id: str) -> bool:
        """Take the last answer back, if it is the one on this pair; False if it is not."""
        with self._locked() as handle:
            self._mend(handle)
            self._read_new(handle)
            if not self.standing or self.standing[-1].pair_id != pair_id:
                return False
            self._append(handle, self._row(self.standing[-1]) | {"undo": True})
            return True

    def _row(self, entry: Entry) -> dict[str, Any]:
        row: dict[str, Any] = {
            "pair_id": entry.pair_id,
            "reviewer": self.reviewer,
            "preferred_id": entry.preferred,
            "other_id": entry.other,
            "answered_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        }
        return row | ({"repeat": True} if entry.repeat else {})

    @contextmanager
    def _locked(self) -> Iterator[int]:
        """Give the file's descriptor while no other process writes it."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            new = not self.path.exists()
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise self._failed(error) from error
        try:
            if new:
                sync_folder(self.path.parent)
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield handle
        finally:
            os.close(handle)

    def _forget(self) -> None:
        """Begin anew: somebody has replaced the file, or there is none yet."""
        self._read, self._rows, self.standing, self.taken_back = 0, 0, [], []

    def _mend(self, handle: int) -> None:
        """Remove a row that was cut off as its writer was killed: nobody was told that it stands.

        The file is locked, so nobody is at it now.
        """
        status = os.fstat(handle)
        if status.st_ino != self._file or status.st_size < self._read:
            self._forget()
            self._file = status.st_ino
        size = status.st_size
        if size <= self._read:
            return
        added = os.pread(handle, size - self._read, self._read)
        whole = added.rfind(b"\n") + 1
        if whole < len(added):
            try:
                os.ftruncate(handle, self._read + whole)
            except OSError as error:
                raise self._failed(error) from error

    def _read_new(self, handle: int) -> None:
        size = os.fstat(handle).st_size
        for line in os.pread(handle, size - self._read, self._read).splitlines():
            self._rows += 1
            if line.strip():
                self._take(self._parsed(line))
        self._read = size

    def _parsed(self, line: bytes) -> Mapping[str, Any]:
        try:
            row = orjson.loads(line)
            if isinstance(row, dict) and {"pair_id", "preferred_id", "other_id"} <= row.keys():
                return row
        except orjson.JSONDecodeError:
            pass
        raise InputError(
            f"{self.path.name}, row {self._rows}: is no answer {{pair_id, reviewer, preferred_id, "
            "other_id}",
            "mend the row or remove it, then load the page again",
        )

    def _take(self, row: Mapping[str, Any]) -> None:
        entry = Entry(
            row["pair_id"], row["preferred_id"], row["other_id"], bool(row.get("repeat")),
            row.get("seconds"), row.get("comment", ""), row.get("answered_at", ""),
        )  # fmt: skip
        if not row.get("undo"):
            self.standing.append(entry)
            self.taken_back = [one for one in self.taken_back if not _same(one, entry)]
            return
        for at in range(len(self.standing) - 1, -1, -1):
            if _same(self.standing[at], entry):
                self.taken_back.append(self.standing.pop(at))
                return

    def _append(self, handle: int, row: Mapping[str, Any]) -> None:
        line = orjson.dumps(row) + b"\n"
        end = os.lseek(handle, 0, os.SEEK_END)
        try:
            written = os.write(handle, line)
            if written < len(line):
                os.write(handle, line[written:])  # says why, if it cannot
            os.fsync(handle)
        except OSError as error:
            os.ftruncate(handle, end)
            raise self._failed(error) from error
        self._read_new(handle)

    def _failed(self, error: OSError) -> Exception:
        return disk_full(error, self.path) or FileError(
            f"cannot write {self.path}: {error.strerror or error}",
            "let this user write there; the answer was not kept",
        )


def _same(one: Entry, other: Entry) -> bool:
    return one.pair_id == other.pair_id and one.repeat == other.repeat
