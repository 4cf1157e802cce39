"""The tables of a project, or those of a published version, as views of one DuckDB database.

DuckDB reads the columns that a question needs from the Parquet files, each time anew, so that
nothing is loaded first and a run that goes on is seen as it is.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any
from weakref import finalize

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from prefline.errors import DiskFull, TableError
from prefline.project import Project
from prefline.releases import locate, read_manifest
from prefline.releases.dvc_cache import PastTables
from prefline.releases.transfer import verified_path
from prefline.tables import SCHEMAS
from prefline.tables.joining import connect_duckdb
from prefline.tables.schemas import TURNS

Row = dict[str, Any]
Parts = Callable[[str], list[Path]]
"""The files of a table by its name; none where it is not there."""

NAMES = (
    "prompts", "responses", "judgments", "preferences", "rejections", "answers", "anchors",
)  # fmt: skip
_CALLS = "tool_calls"
_THREADS, _MEMORY_GB = 2, 0.5  # a run may be going on beside it
Stamp = tuple[tuple[str, int, int], ...]


def parts_of_project(project: Project) -> Parts:
    """Return where the tables of a project are."""
    return lambda name: sorted(project.table(name).glob("part-*.parquet"))


@dataclass(frozen=True, slots=True)
class PublishedTables:
    """A version's preferences with the tables that led to them, where they can still be had;
    `missing` says which cannot, and what to do."""

    name: str
    parts: Parts
    missing: list[str]


def open_version(uri: str, project: Project) -> PublishedTables:
    """Return the tables of the version `uri` (`<store>/<dataset>@<V>`); its files are fetched
    and verified. Raises `VersionNotFound`, `VersionCorrupt`, and what the store raises."""
    at = locate(uri)
    manifest = read_manifest(at)
    published = [verified_path(at, one) for one in manifest.of("preference")]
    past = PastTables(project, manifest, [name for name in NAMES if name != "preferences"],
                      optional=("answers", "anchors"))  # fmt: skip

    def parts(name: str) -> list[Path]:
        return published if name == "preferences" else past.parts(name)

    return PublishedTables(f"{at.uri}@{manifest.version}", parts, past.missing)


class TableViews:
    """Questions in SQL over the tables. Safe to use from several threads.

    A column that an older table lacks is null; a table that is not there has no rows.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._lock = threading.Lock()
        folder = Path(mkdtemp(prefix="duckdb-"))
        finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self._database = connect_duckdb(folder, _MEMORY_GB)
        self._database.execute(f"SET threads = {_THREADS}")
        self._made: dict[str, Stamp] = {}

    def state(self, *names: str) -> tuple[Stamp, ...]:
        """Return what changes whenever one of these tables does."""
        return tuple(stamp_of(self._parts(name)) for name in names)

    def has(self, name: str) -> bool:
        """Tell whether a table is there."""
        return bool(self._parts(name))

    def rows(self, sql: str, values: Sequence[Any] = (), *, tables: Sequence[str]) -> list[Row]:
        """Return the rows that a query over `tables` gives, with `values` for its marks.

        Raises `TableError` for a table that cannot be read, `DiskFull` where there is no space for
        what does not fit into memory.
        """
        try:
            cursor = self._cursor(tables)
            return cursor.execute(sql, list(values)).to_arrow_table().to_pylist()
        except (duckdb.IOException, duckdb.InvalidInputException, pa.ArrowException) as error:
            raise TableError(
                f"a table of {', '.join(tables)} cannot be read: {str(error).splitlines()[0]}",
                "if a run writes it now, load the page again; else `dvc checkout` or `dvc repro`",
            ) from error
        except duckdb.OutOfMemoryException as error:
            raise DiskFull(
                f"tables {', '.join(tables)} could not be searched: {error}",
                "free space among the machine's temporary files (TMPDIR), or ask for fewer rows",
            ) from error

    def _cursor(self, tables: Sequence[str]) -> duckdb.DuckDBPyConnection:
        with self._lock:
            for name in tables:
                parts = self._parts(name)
                stamp = stamp_of(parts)
                if self._made.get(name) != stamp:
                    self._make(name, parts)
                    self._made[name] = stamp
            return self._database.cursor()

    def _make(self, name: str, parts: Sequence[Path]) -> None:
        schema = SCHEMAS[name]
        self._database.execute(f"DROP VIEW IF EXISTS {name}")
        if not parts:
            empty = f"empty_{name}"
            self._database.execute(f"DROP TABLE IF EXISTS {empty}")
            nothing = schema.empty_table()
            self._database.register("nothing", nothing)
            self._database.execute(f"CREATE TABLE {empty} AS FROM nothing")
            self._database.execute(f"CREATE VIEW {name} AS FROM {empty}")
            return
        there = {field.name: field.type for field in pq.read_schema(parts[0])}
        more = [name for name in ("tools", "turns") if name in there]
        columns = ", ".join(
            [
                *more,
                *(
                    _column(field.name, there[field.name])
                    if field.name in there
                    else f"NULL::{_sql_type(field.type)} AS {field.name}"
                    for field in schema
                ),
            ]
        )
        files = ", ".join("'" + str(path).replace("'", "''") + "'" for path in parts)
        self._database.execute(
            f"CREATE VIEW {name} AS SELECT {columns} FROM read_parquet([{files}])"
        )


def _column(name: str, kind: pa.DataType) -> str:
    """Return a column as it is; messages that are JSON, as a version with tools has them, with
    their fields."""
    if not (pa.types.is_list(kind) and isinstance(kind.value_type, pa.JsonType)):
        return name
    fields = ", ".join(
        f"'{one.name}': message->>'{one.name}'" for one in TURNS.value_type if one.name != _CALLS
    )
    calls = f"'{_CALLS}': CAST(message->'{_CALLS}' AS VARCHAR)"
    return f"[{{{fields}, {calls}}} FOR message IN {name}] AS {name}"


def _sql_type(kind: pa.DataType) -> str:
    if pa.types.is_list(kind):
        return f"{_sql_type(kind.value_type)}[]"
    if pa.types.is_struct(kind):
        parts = (f'"{field.name}" {_sql_type(field.type)}' for field in kind)
        return f"STRUCT({', '.join(parts)})"
    if pa.types.is_floating(kind):
        return "DOUBLE"
    if pa.types.is_integer(kind):
        return "BIGINT"
    return "BOOLEAN" if pa.types.is_boolean(kind) else "VARCHAR"


def stamp_of(parts: Sequence[Path]) -> Stamp:
    """Return what changes whenever one of these files does; one that has just gone is left out."""
    stamps = []
    for path in parts:
        try:
            status = path.stat()
        except FileNotFoundError:  # a stage has just removed it
            continue
        stamps.append((str(path), status.st_mtime_ns, status.st_size))
    return tuple(stamps)
