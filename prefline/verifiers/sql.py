"""Verifier of a reply that is a SQL query: its rows against those of a reference, in DuckDB."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from prefline.text import number_of
from prefline.verifiers.verifier import Check, Undecided, Verifier, excerpt, fenced
from prefline.verifiers.worker import bounded

_LANGUAGES = ("sql", "duckdb", "sqlite", "postgresql")
_SETTINGS = {
    "threads": 1, "memory_limit": "256MB", "temp_directory": "", "max_temp_directory_size": "0B",
    "autoinstall_known_extensions": False, "autoload_known_extensions": False,
    "enable_external_access": False, "lock_configuration": True,
}  # fmt: skip
_PLACES = 9  # significant digits in which two numbers have to be the same


class Sql(Verifier):
    """Passes if the reply's query, one SELECT, gives the rows of the `query` that is known to be
    right (or those of `rows`) on the tables that `tables` makes: in any order unless `ordered`,
    whatever its columns are called. It runs in DuckDB, in memory, without files and network, with
    limits."""

    accuracy: ClassVar[float] = 0.95  # a wrong query can give the right rows of small tables
    costly: ClassVar[bool] = True

    kind: Literal["sql"]
    tables: str = Field(max_length=1_000_000)
    query: str | None = Field(None, min_length=1)
    rows: tuple[tuple[str | int | float | bool | None, ...], ...] | None = None
    ordered: bool = False
    max_rows: int = Field(10_000, ge=1, le=100_000)
    timeout_s: float = Field(5.0, gt=0, le=60)

    @model_validator(mode="after")
    def _has_one_of_both(self) -> Self:
        if (self.query is None) == (self.rows is None):
            raise ValueError("give either `query`, one that is right, or `rows`")
        return self

    def check(self, text: str) -> Check:
        """Run both; what is wrong with the reply's is the reason, what is wrong with the prompt's
        own leaves it open."""
        blocks = fenced(text, _LANGUAGES)
        outcome = bounded(
            f"{__name__}:compare", self.timeout_s, tables=self.tables, query=self.query,
            rows=self.rows, reply=(blocks or [text])[-1], ordered=self.ordered,
            max_rows=self.max_rows,
        )  # fmt: skip
        if outcome["undecided"]:
            raise Undecided(outcome["undecided"])
        return Check(passed=outcome["same"], why=outcome["why"])


def prepare() -> None:
    """Import what `compare` needs."""
    compare("", "SELECT 1", None, "SELECT 1", ordered=False, max_rows=1)


def compare(
    tables: str,
    query: str | None,
    rows: Sequence[Sequence[Any]] | None,
    reply: str,
    *,
    ordered: bool,
    max_rows: int,
) -> dict[str, Any]:
    """Return whether the reply's query gives the rows asked for, and why not, or why that cannot be
    told. Runs in a process that is ended if this takes too long."""
    import duckdb

    with duckdb.connect(":memory:") as database:
        try:
            for name, value in _SETTINGS.items():
                database.execute(f"SET {name} = {_literal(value)}")
            database.execute(tables)
            expected = (
                _rows(database, query, max_rows) if query is not None else [*map(tuple, rows or ())]
            )
        except (duckdb.Error, _NoAnswer) as error:
            return _outcome(undecided=f"the prompt's own tables or query fail: {_line(error)}")
        try:
            got = _rows(database, reply, max_rows)
        except _NoAnswer as error:
            return _outcome(why=str(error))
        except duckdb.OutOfMemoryException:
            return _outcome(undecided="the query takes more than 256 MB")
        except duckdb.Error as error:
            return _outcome(why=f"the query fails: {_line(error)}")
    return _compare(expected, got, ordered=ordered)


class _NoAnswer(Exception):
    """A query is not one that gives an answer."""


def _rows(database: Any, query: str, max_rows: int) -> list[tuple[Any, ...]]:
    statements = database.extract_statements(query)
    if len(statements) != 1 or statements[0].type.name not in {"SELECT", "SELECT_STATEMENT"}:
        raise _NoAnswer("is not one SELECT")
    found: list[tuple[Any, ...]] = database.execute(statements[0]).fetchmany(max_rows + 1)
    if len(found) > max_rows:
        raise _NoAnswer(f"gives more than {max_rows:,} rows")
    return found


def _compare(
    expected: list[tuple[Any, ...]], got: list[tuple[Any, ...]], *, ordered: bool
) -> dict[str, Any]:
    if len(expected) != len(got):
        return _outcome(why=f"gives {number_of(len(got), 'row')}, expected {len(expected):,}")
    widths = {len(row) for row in expected}, {len(row) for row in got}
    if widths[0] != widths[1]:
        return _outcome(why=f"gives {max(widths[1])} columns, expected {max(widths[0])}")
    left, right = ([tuple(map(_value, row)) for row in rows] for rows in (expected, got))
    if not ordered:
        left, right = sorted(left, key=repr), sorted(right, key=repr)
    for one, other in zip(left, right, strict=True):
        if one != other:
            return _outcome(why=f"has {excerpt(str(other))} for {excerpt(str(one))}")
    return _outcome(same=True, why=f"gives the {number_of(len(got), 'row')} asked for")


def _value(value: Any) -> Any:
    """Return a value as it is compared: a number by its first digits, whatever its type."""
    from decimal import Decimal

    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int | float | Decimal):
        number = float(value)
        return f"{number:.{_PLACES}g}" if math.isfinite(number) else str(number)
    return str(value)


def _literal(value: Any) -> str:
    return f"'{value}'" if isinstance(value, str) else str(value)


def _line(error: Exception) -> str:
    return str(error).split("\n", 1)[0][:160]


def _outcome(*, same: bool = False, why: str = "", undecided: str = "") -> dict[str, Any]:
    return {"same": same, "why": why, "undecided": undecided}
