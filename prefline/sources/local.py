"""A file of the project: JSONL, CSV or Parquet by its ending."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path

from prefline.errors import InputError
from prefline.sources.delimited import read_csv
from prefline.sources.jsonl import read_jsonl
from prefline.sources.parquet import read_parquet
from prefline.sources.row import Row


def read_rows(path: Path, columns: Collection[str] | None = None) -> Iterator[Row]:
    """The rows of a file, each with its place ("prompts.jsonl, row 3") for error messages.

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


_READERS: Mapping[str, Callable[[Path, Collection[str] | None], Iterator[Row]]] = {
    ".jsonl": read_jsonl,
    ".csv": read_csv,
    ".parquet": read_parquet,
}
