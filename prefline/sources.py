"""Reading rows from a source file, one at a time: JSONL, CSV or Parquet by its ending."""

from __future__ import annotations

import codecs
import csv
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from prefline.errors import InputError

Row = tuple[str, Mapping[str, Any]]

# Responses are longer than the 128 KiB that a cell may have otherwise.
csv.field_size_limit(2**31 - 1)


def read_rows(path: Path) -> Iterator[Row]:
    """The rows of a file, each with its place ("prompts.jsonl, row 3") for error messages.

    Raises `InputError` for a missing file, an unknown ending or a row that cannot be read.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise InputError(
            f"{path}: the ending {path.suffix!r} is not known",
            f"give a file that ends in {', '.join(_READERS)}",
        )
    if not path.is_file():
        raise InputError(f"{path} does not exist", "correct `path` of the source in params.yaml")
    return reader(path)


def given_file(root: Path, path: str, folder: str) -> Path:
    """The file that params name by `path`, from the project at `root`.

    Raises `InputError` for one outside of `folder`: DVC watches that folder, so it would not see
    the file change.
    """
    found = (root / path).resolve()
    if not found.is_relative_to((root / folder).resolve()):
        raise InputError(
            f"{path} is not in {folder}, the folder that DVC watches for such files",
            f"put the file into {folder} and name it so in params.yaml",
        )
    return found


def _read_jsonl(path: Path) -> Iterator[Row]:
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            place = f"{path.name}, row {number}"
            try:
                row = orjson.loads(line.removeprefix(codecs.BOM_UTF8))
            except orjson.JSONDecodeError as error:
                raise InputError(f"{place}: not valid JSON: {error}", "mend that line") from error
            if not isinstance(row, dict):
                raise InputError(f"{place}: not a JSON object", "give one object on each line")
            yield place, row


def _read_csv(path: Path) -> Iterator[Row]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines)
            twice = [n for n, count in Counter(reader.fieldnames or ()).items() if count > 1]
            if twice:
                raise InputError(
                    f"{path.name}, line 1: two columns are named {twice[0]!r}", "rename one of them"
                )
            for number, row in enumerate(reader, 2):
                place = f"{path.name}, line {number}"
                if None in row or None in row.values():
                    raise InputError(
                        f"{place}: more or fewer cells than the header has columns",
                        "quote cells that contain commas or line breaks",
                    )
                yield place, {name: cell or None for name, cell in row.items()}
    except UnicodeDecodeError as error:
        raise InputError(f"{path.name}: not UTF-8: {error}", "save it as UTF-8") from error
    except csv.Error as error:
        raise InputError(
            f"{path.name} cannot be read as CSV: {error}", "mend its quotes, or save it as Parquet"
        ) from error


def _read_parquet(path: Path) -> Iterator[Row]:
    try:
        number = 0
        for batch in pq.ParquetFile(path).iter_batches(1_000):
            for row in batch.to_pylist():
                number += 1
                yield f"{path.name}, row {number}", row
    except pa.ArrowException as error:
        raise InputError(
            f"{path.name} cannot be read as Parquet: {error}", "write the file again"
        ) from error


_READERS: Mapping[str, Callable[[Path], Iterator[Row]]] = {
    ".jsonl": _read_jsonl,
    ".csv": _read_csv,
    ".parquet": _read_parquet,
}
