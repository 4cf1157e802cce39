"""The tables of a run as views of DuckDB, which looks at every row of all of them out of core.

Each view has the number of a row in `row_at`. Rows that refer to others are joined to hashes of
their ids, of 64 bits: of ten million ids the chance that any two have one hash is below 3 in a
million.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from prefline.tables.joining import (
    Rows,
    batches_of,
    duckdb_errors,
    offer,
    open_duckdb,
    rows_of_files,
)
from tasks.validate.columns import Chunk

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_ID_HASH = "CREATE MACRO id_hash(id) AS CASE WHEN id IS NOT NULL THEN hash(id) END"


class Database:
    """Views of tables by their names, and what several suites ask of them."""

    def __init__(
        self, connection: DuckDBPyConnection, tables: Mapping[str, Rows], work: Path
    ) -> None:
        self._connection = connection
        self._work = work
        self._tables = dict(tables)
        connection.execute(_ID_HASH)
        for name, rows in tables.items():
            offer(connection, name, rows)

    def schema(self, table: str) -> pa.Schema:
        """Return the schema of a table."""
        return self._tables[table].schema

    def has(self, table: str) -> bool:
        """Tell whether there is a table of that name."""
        return table in self._tables

    def read(self, query: str) -> pa.Table:
        """Return what a query gives. Raises `TableError` and `DiskFull`."""
        with duckdb_errors():
            return self._connection.execute(query).to_arrow_table()

    def execute(self, statement: str) -> None:
        """Do something that gives nothing. Raises as `read`."""
        with duckdb_errors():
            self._connection.execute(statement)

    def kinds(self, table: str) -> dict[str, str]:
        """Return DuckDB's type of each column of a table or view."""
        found = self._connection.table(table)
        return {name: str(kind) for name, kind in zip(found.columns, found.types, strict=True)}

    def one(self, query: str) -> tuple[Any, ...]:
        """Return the values of the only row of a query."""
        with duckdb_errors():
            row = self._connection.execute(query).fetchone()
        assert row is not None
        return row

    def facts(self, table: str, look: Callable[[pa.RecordBatch], Mapping[str, Chunk]]) -> str:
        """Return the view of a table's plain columns beside what `look` makes of each batch.

        Lists of messages, of which Python knows what is wrong, are in memory a batch at a time.
        """
        path, rows = self._work / f"{table}.parquet", self._tables[table]
        plain = [one.name for one in rows.schema if not pa.types.is_nested(one.type)]
        nothing = pa.RecordBatch.from_pylist([], rows.schema)
        schema = pa.schema(
            [pa.field(name, rows.schema.field(name).type) for name in plain]
            + [pa.field(name, found.type) for name, found in look(nothing).items()]
        )
        with pq.ParquetWriter(path, schema, compression="lz4") as writer:
            for batch in batches_of(rows, rows.schema.names):
                columns = [*(batch[name] for name in plain), *look(batch).values()]
                writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=schema))
        view = f"{table}_facts"
        self.execute(f"CREATE OR REPLACE TEMP VIEW {view} AS {rows_of_files([path])}")
        return view

    def known(self, table: str, key: str, where: str = "true", **columns: str) -> str:
        """Return the rows of a table by the hash of their id, as `key`, with `columns` of SQL; of
        rows with one id the first."""
        more = "".join(f", {value} AS {name}" for name, value in columns.items())
        once = where == "true" and not self.repeats(table, (key,))[1]
        first = "" if once else f"DISTINCT ON (id_hash({key}))"
        order = "" if once else f"ORDER BY id_hash({key}), row_at"
        return f"(SELECT {first} id_hash({key}) AS key{more} FROM {table} WHERE {where} {order})"

    def repeats(self, table: str, columns: Sequence[str]) -> tuple[str, int]:
        """Return a table of the combinations of values that come more than once, and how many there
        are."""
        name, listed = "_".join(("repeats", table, *columns)), ", ".join(columns)
        self.execute(
            f"""CREATE TEMP TABLE IF NOT EXISTS {name} AS
            SELECT {listed} FROM {table} WHERE hash({listed}) IN (
                SELECT hash({listed}) AS key FROM {table} GROUP BY key HAVING count(*) > 1
            ) GROUP BY {listed} HAVING count(*) > 1"""
        )
        (count,) = self.one(f"SELECT count(*) FROM {name}")
        return name, count

    def over_share(self, table: str, group: str, bad: str, most: float) -> str:
        """Return the groups with more than that share of bad rows, and in `worded` what they have.

        By group, because a judge that fails must not hide behind one that cannot.
        """
        shares = self.read(
            f"SELECT {group} AS key, count(*) FILTER ({bad}) AS bad, count({bad}) AS rows "
            f"FROM {table} GROUP BY {group}"
        )
        over = [
            (row["key"], f"{row['key']}: {row['bad']:,} of {row['rows']:,} "
             f"({row['bad'] / row['rows']:.1%})")
            for row in shares.to_pylist()
            if row["rows"] and row["bad"] / row["rows"] > most
        ]  # fmt: skip
        name = f"over_{table}"
        keys, words = zip(*over, strict=True) if over else ((), ())
        self._connection.register(
            name, pa.table([pa.array(keys, pa.string()), pa.array(words, pa.string())],
                           ["key", "worded"])
        )  # fmt: skip
        return name


@contextmanager
def open_database(
    tables: Mapping[str, Rows], *, work: Path | None = None, memory_gb: float = 1.0
) -> Iterator[Database]:
    """Give the tables as views. What does not fit into `memory_gb` is put into `work`."""
    with open_duckdb(work, memory_gb) as (connection, folder):
        yield Database(connection, tables, folder)
