"""Files of the project: JSONL, CSV or Parquet, by their ending."""

from __future__ import annotations

import codecs
import csv
import json
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import orjson
from pydantic import Field

from prefline.config import Source
from prefline.errors import InputError
from prefline.ids import sha256_of
from prefline.sources.rows import (
    MAX_ROW_BYTES,
    OpenedSource,
    Row,
    check_columns,
    not_utf8,
    too_large,
    wanted_columns,
)
from prefline.text import without_surrogates

# Responses are longer than the 128 KiB that a cell may have otherwise.
csv.field_size_limit(MAX_ROW_BYTES)


class FileSource(Source):
    """A file of this machine: JSONL, CSV or Parquet, by its ending."""

    path: str = Field(min_length=1, description="from the project's folder, or s3://bucket/key")
    sha256: str | None = Field(
        None, pattern="^[0-9a-f]{64}$", description="of the file; another one is an error"
    )

    def open(self, root: Path) -> OpenedSource:
        """Open the file, and note its SHA-256."""
        path = root / self.path
        return self.open_file(path, hash_of(path, "path"))

    def open_file(self, path: Path, sha256: str) -> OpenedSource:
        """Return the rows of a file with this hash.

        Raises `InputError` if params name another hash.
        """
        if self.sha256 not in (None, sha256):
            raise InputError(
                f"{self.path} is not the file that params name: its SHA-256 is {sha256}",
                f"look at what has changed, then set `sha256` of source {self.name!r} to that "
                "value",
            )
        return OpenedSource(
            read_rows(path, wanted_columns(self)), {"path": self.path, "sha256": sha256}
        )

    @property
    def location(self) -> str:
        """The path."""
        return self.path

    @property
    def local_files(self) -> tuple[str, ...]:
        """The path."""
        return (self.path,)


def read_rows(path: Path, columns: Collection[str] | None = None) -> Iterator[Row]:
    """Return the rows of a file, each with its place ("prompts.jsonl, row 3") for error messages.

    `columns` are those that are wanted: a Parquet file's others are not even unpacked; other
    formats give all. Raises `InputError` for a missing file, an unknown ending, a row that cannot
    be read, and a column that a file with a header has not.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise InputError(
            f"{path}: the ending {path.suffix!r} is not known",
            f"give a file that ends in {', '.join(_READERS)}",
        )
    if not path.is_file():
        raise InputError(f"{path} does not exist", "correct `path` of the source in params.yaml")
    return reader(path, columns)


def check_rows(path: Path) -> None:
    """Read a file for what `read_rows` would raise."""
    if path.suffix.lower() == ".parquet" and path.is_file():
        from prefline.sources.parquet import check_file

        check_file(path)
    else:
        deque(read_rows(path), maxlen=0)


SETS_FOLDER = "data/imported/sets"
"""Public sets of judged answers, which several stages read: each depends on this folder."""


def watched_file(root: Path, path: str, folder: str, *, or_set: bool = False) -> Path:
    """Return the file that params name by `path`, from the project at `root`.

    `or_set` lets it lie in `SETS_FOLDER` too. Raises `InputError` for one outside of `folder`: DVC
    watches that folder, so it would not see the file change.
    """
    resolved = (root / path).resolve()
    folders = [folder, SETS_FOLDER] if or_set else [folder]
    if not any(resolved.is_relative_to((root / one).resolve()) for one in folders):
        raise InputError(
            f"{path} is not in {folder}, the folder that DVC watches for such files",
            f"put the file into {folder} and name it so in params.yaml",
        )
    return resolved


def hash_of(path: Path, key: str) -> str:
    """Return the SHA-256 of a source's file, 64 hex digits; `key` is where params name it.

    Raises `InputError` for one that does not exist.
    """
    if not path.is_file():
        raise InputError(f"{path} does not exist", f"correct `{key}` of the source in params.yaml")
    return sha256_of(path)


def read_jsonl(path: Path, _columns: Collection[str] | None = None) -> Iterator[Row]:
    """Return the objects of a file, one a line; empty lines are passed over.

    Raises `InputError` that names the row for one that is no object, not UTF-8 or too large.
    """
    with path.open("rb") as file:
        for number, line in enumerate(_lines(file), 1):
            if not line.strip():
                continue
            place = f"{path.name}, row {number}"
            if len(line) > MAX_ROW_BYTES:
                raise too_large(place, "the line")
            yield place, _parse_object(line, path, place)


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """Return lines, none of them read much further than a row may be long."""
    while line := file.readline(MAX_ROW_BYTES + 1):
        yield line


def _parse_object(line: bytes, path: Path, place: str) -> dict[str, Any]:
    try:
        row = orjson.loads(line.removeprefix(codecs.BOM_UTF8))
    except orjson.JSONDecodeError as error:
        try:
            text = line.removeprefix(codecs.BOM_UTF8).decode()
        except UnicodeDecodeError as bad:
            raise not_utf8(path, bad) from bad
        row = _parse_with_surrogates(text)
        if row is None:
            raise InputError(f"{place}: not valid JSON: {error}", "mend that line") from error
    if not isinstance(row, dict):
        raise InputError(f"{place}: not a JSON object", "give one object on each line")
    return row


def _parse_with_surrogates(text: str) -> Any:
    """Return JSON with half a surrogate pair as "\\ud83d" in it, which orjson does not read; each
    is U+FFFD then, which the filter `broken_unicode` knows. None if that is not what is wrong."""
    try:
        row = json.loads(text)
    except (json.JSONDecodeError, RecursionError):
        return None
    whole = json.dumps(row, ensure_ascii=False)
    cleaned = without_surrogates(whole)
    return None if cleaned == whole else json.loads(cleaned)


def read_csv(path: Path, columns: Collection[str] | None = None) -> Iterator[Row]:
    """Return the rows of a file with a header, each cell a text, an empty one None.

    Quotes are read strictly: after a stray one, a lenient reader takes the lines up to the next for
    one cell. Raises `InputError` that names the line for a quote that is not closed or stands
    amid a cell, for a row with too many or too few cells, a header with a name twice or without
    one of `columns`, and text that is not UTF-8.
    """
    begins = 1
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines, strict=True)
            _check_header(path, reader.fieldnames or (), columns)
            begins = reader.line_num + 1
            for row in reader:
                place = f"{path.name}, line {begins}"
                begins = reader.line_num + 1
                if None in row or None in row.values():
                    raise InputError(
                        f"{place}: more or fewer cells than the header has columns "
                        f"({len(reader.fieldnames or ())})",
                        "quote cells that contain commas or line breaks",
                    )
                yield place, {name: cell or None for name, cell in row.items()}
    except UnicodeDecodeError as error:
        raise not_utf8(path, error) from error
    except csv.Error as error:
        raise InputError(
            f"{path.name}: the row that begins in line {begins} cannot be read as CSV: {error}",
            "close its quotes: a cell with a quote, a comma or a line break stands in quotes, and "
            'each quote in it is doubled (""); or save the file as Parquet',
        ) from error


def _check_header(path: Path, names: Sequence[str], columns: Collection[str] | None) -> None:
    for separator in ";\t|":
        if len(names) == 1 and separator in names[0]:
            raise InputError(
                f"{path.name}, line 1: the header is one cell, {names[0][:80]!r}",
                f"separate cells by commas, not by {separator!r}",
            )
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise InputError(
            f"{path.name}, line 1: two columns are named {twice[0]!r}", "rename one of them"
        )
    if names:
        check_columns(f"{path.name}, line 1", names, columns or ())


def _read_parquet(path: Path, columns: Collection[str] | None) -> Iterator[Row]:
    # Here, so that declaring a source of files does not import Arrow.
    from prefline.sources.parquet import read_parquet

    return read_parquet(path, columns)


_READERS: Mapping[str, Callable[[Path, Collection[str] | None], Iterator[Row]]] = {
    ".jsonl": read_jsonl,
    ".csv": read_csv,
    ".parquet": _read_parquet,
}
