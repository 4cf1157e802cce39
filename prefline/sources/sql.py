"""Queries over files of the project, by DuckDB.

A query sees the files that params name and nothing else: DuckDB is told to open no other path,
no network and no extension. So the files that DVC watches are all that the rows can depend on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field, model_validator

from prefline.config import Source
from prefline.errors import InputError
from prefline.sources.files import hash_of
from prefline.sources.rows import OpenedSource, Row, work_folder
from prefline.tables.joining import connect_duckdb, quoted

if TYPE_CHECKING:
    import duckdb

_BATCH = 256  # rows
_READERS = {".parquet": "read_parquet", ".csv": "read_csv", ".jsonl": "read_json"}
_MEMORY_GB = 1.0


class SqlSource(Source):
    """A query over files of the project, by DuckDB."""

    sql: str = Field(min_length=1, description="a SELECT over `files`")
    files: dict[str, str] = Field(
        default_factory=dict, description="the tables of `sql`: name: path; it can read no others"
    )

    @model_validator(mode="after")
    def _reads_files(self) -> SqlSource:
        if not self.files:
            raise ValueError("`sql` and `files` go together: a query reads the files named there")
        return self

    def open(self, root: Path) -> OpenedSource:
        """Open the query, and note the SHA-256 of every file."""
        files = {name: root / path for name, path in self.files.items()}
        rows = read_sql(self.name, self.sql, files, work_folder(root))
        hashes = {path: hash_of(root / path, "files") for path in self.files.values()}
        return OpenedSource(rows, {"sql": self.sql, "files": hashes})

    @property
    def location(self) -> str:
        """The query, by the name of the source."""
        return f"the query of source {self.name!r}"

    @property
    def local_files(self) -> tuple[str, ...]:
        """The files that the query reads."""
        return tuple(path for path in self.files.values() if "://" not in path)


def read_sql(name: str, query: str, files: Mapping[str, Path], work: Path) -> Iterator[Row]:
    """Return the rows of a query, batch by batch.

    `files` are its tables by name; what does not fit into memory is sorted in `work`.

    Raises `InputError` for a file of an unknown ending, a query that DuckDB refuses, one that is
    not a single SELECT, and where DuckDB is not installed.
    """
    try:
        import duckdb
    except ImportError as error:
        raise InputError(
            f"source {name!r} has a query, and DuckDB is not installed",
            "install the extra: `uv sync --extra pipeline`, or `pip install 'prefline[pipeline]'`",
        ) from error
    try:
        with connect_duckdb(work, _MEMORY_GB) as connection:
            _offer(connection, files)
            _check_select(connection, query)
            number = 0
            for batch in connection.execute(query).to_arrow_reader(_BATCH):
                for row in batch.to_pylist():
                    number += 1
                    yield f"source {name!r}, row {number}", row
    except duckdb.Error as error:
        raise InputError(
            f"the query of source {name!r} fails: {error}",
            f"correct `sql` of that source; its tables are {', '.join(files)}",
        ) from error


def _offer(connection: duckdb.DuckDBPyConnection, files: Mapping[str, Path]) -> None:
    """Make each file a view of its name, and close every other way out."""
    connection.execute("SET allowed_paths = ?", [[str(path) for path in files.values()]])
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    for name, path in files.items():
        view = '"' + name.replace('"', '""') + '"'
        read = f"{_reader(path)}({quoted(path)})"
        connection.execute(f"CREATE VIEW {view} AS SELECT * FROM {read}")  # noqa: S608


def _reader(path: Path) -> str:
    if not path.is_file():
        raise InputError(f"{path} does not exist", "correct `files` of the source in params.yaml")
    if path.suffix.lower() not in _READERS:
        raise InputError(
            f"{path}: the ending {path.suffix!r} is not known",
            f"give files that end in {', '.join(_READERS)}",
        )
    return _READERS[path.suffix.lower()]


def _check_select(connection: duckdb.DuckDBPyConnection, query: str) -> None:
    kinds = [statement.type.name for statement in connection.extract_statements(query)]
    if kinds != ["SELECT"]:
        raise InputError(
            f"`sql` of a source holds {' and '.join(kinds) or 'nothing'}",
            "write one SELECT statement",
        )
