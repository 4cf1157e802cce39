"""Counts of the rows of a table that break each rule, and the first of them, by DuckDB.

A rule is one expectation as data. Great Expectations, which says the same of a frame of pandas in
memory, is handed the rows that break one (`expectations.py`), so that it and the counts must agree.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from tasks.validate.database import Database
from tasks.validate.facts import literal

EXAMPLES = 20  # more than are reported, because one value that comes often is reported once
SMALL = 1_000  # rows of a table that is handed over whole
_ROWS = "looked_at"

Severity = Literal["critical", "warning"]


@dataclass(frozen=True, slots=True)
class Rule:
    """One expectation: `expectation` is its class in Great Expectations, `settings` what
    the class is given, `says` the sentence that must hold, `remedy` what to do if not."""

    expectation: str
    columns: tuple[str, ...]
    settings: Mapping[str, Any]
    says: str
    remedy: str
    severity: Severity = "critical"


@dataclass(frozen=True, slots=True)
class Count:
    """The numbers of rows that a rule was checked on and that break it; of the first of these the
    place, and the id and the values that were looked at.

    Of a rule on a whole table: the figure that was `observed`, and `figures`, a frame of which the
    expectation holds exactly if it holds of the table.
    """

    n_rows: int
    n_checked: int
    n_failed: int
    examples: Sequence[tuple[int, Mapping[str, Any]]] = ()
    observed: int | float | None = None
    figures: pa.Table | None = None


def count_rows(
    database: Database, table: str, id_column: str, query: str, rules: Sequence[Rule]
) -> tuple[list[Count], pa.Table]:
    """Return the count of each rule, and the rows of the query that break one; all rows of a small
    table."""
    database.execute(f"CREATE OR REPLACE TEMP VIEW {_ROWS} AS {query}")
    kinds = database.kinds(_ROWS)
    tests = [_test(database, table, rule, kinds) for rule in rules]
    counted = ", ".join(f"count(*) FILTER ({each})" for test in tests for each in test)
    n_rows, *numbers = database.one(f"SELECT count(*), {counted} FROM {_ROWS}")
    counts = list[Count]()
    for rule, test, n_checked, n_failed in zip(
        rules, tests, numbers[::2], numbers[1::2], strict=True
    ):
        if rule.expectation in _FIGURES:
            counts.append(_FIGURES[rule.expectation](database, rule, n_rows))
            continue
        examples = _first(database, id_column, rule, test[1]) if n_failed else []
        counts.append(Count(n_rows, n_checked, n_failed, examples))
    places = {place for count in counts for place, _ in count.examples}
    for rule, count in zip(rules, counts, strict=True):
        if rule.expectation in _UNIQUE:
            places |= _partners(database, rule, count)
    needed = _listed(sorted({id_column, *(column for rule in rules for column in rule.columns)}))
    some = "true" if n_rows <= SMALL else f"row_at IN ({', '.join(map(str, places)) or 'NULL'})"
    frame = database.read(f"SELECT {needed} FROM {_ROWS} WHERE {some} ORDER BY row_at")
    return counts, frame


def _test(database: Database, table: str, rule: Rule, kinds: Mapping[str, str]) -> tuple[str, str]:
    """Return the conditions of the rows that a rule is checked on, and of those that break it."""
    settings = rule.settings
    given = [_given(column, kinds[column]) for column in rule.columns]
    any_given = f"({' OR '.join(given)})" if given else "true"
    match rule.expectation:
        case "ExpectColumnValuesToNotBeNull":
            return "true", f"NOT {any_given}"
        case "ExpectColumnValuesToBeNull":
            return "true", any_given
        case "ExpectColumnValuesToBeInSet":
            known = ", ".join(map(literal, settings["value_set"]))
            broken = f"{_listed(rule.columns)} NOT IN ({known})"
        case "ExpectColumnValuesToBeBetween":
            broken = _outside(_listed(rule.columns), settings)
        case "ExpectColumnValueLengthsToBeBetween":
            broken = _outside(f"length({_listed(rule.columns)})", settings)
        case unique if unique in _UNIQUE:
            repeats, n_repeats = database.repeats(table, rule.columns)
            listed = _listed(rule.columns)
            broken = f"hash({listed}) IN (SELECT hash({listed}) FROM {repeats})"
            broken = broken if n_repeats else "false"
        case whole if whole in _FIGURES:
            return "true", "false"
        case other:
            raise AssertionError(f"no count is known for {other}")
    return any_given, f"{any_given} AND {broken}"


def _given(column: str, kind: str) -> str:
    """Return the condition of a value that pandas does not take for missing."""
    if kind in ("DOUBLE", "FLOAT"):
        return f'("{column}" IS NOT NULL AND NOT isnan("{column}"))'
    return f'"{column}" IS NOT NULL'


def _listed(columns: Iterable[str]) -> str:
    return ", ".join(f'"{column}"' for column in columns)


def _outside(value: str, settings: Mapping[str, Any]) -> str:
    low, high = settings.get("min_value"), settings.get("max_value")
    below, above = ("<=" if settings.get("strict_min") else "<",
                    ">=" if settings.get("strict_max") else ">")  # fmt: skip
    bounds = [(below, low), (above, high)]
    return f"({' OR '.join(f'{value} {than} {n!r}' for than, n in bounds if n is not None)})"


def _first(
    database: Database, id_column: str, rule: Rule, broken: str
) -> list[tuple[int, Mapping[str, Any]]]:
    """Return the first rows that break a rule."""
    wanted = _listed(dict.fromkeys((id_column, *rule.columns)))
    rows = database.read(
        f"SELECT row_at, {wanted} FROM {_ROWS} WHERE {broken} ORDER BY row_at LIMIT {EXAMPLES}"
    )
    return [(row.pop("row_at"), row) for row in rows.to_pylist()]


def _partners(database: Database, rule: Rule, count: Count) -> set[int]:
    """Return another row with the values of each example."""
    if not count.examples:
        return set()
    listed = _listed(rule.columns)
    places = ", ".join(str(place) for place, _ in count.examples)
    rows = database.read(
        f"SELECT min(row_at) AS low, max(row_at) AS high FROM {_ROWS} WHERE hash({listed}) IN "
        f"(SELECT hash({listed}) FROM {_ROWS} WHERE row_at IN ({places})) GROUP BY {listed}"
    )
    return {place for row in rows.to_pylist() for place in row.values()}


def _row_count(_database: Database, rule: Rule, n_rows: int) -> Count:
    least = rule.settings["min_value"]
    figures = pa.table({"row": np.arange(min(n_rows, least))})
    return Count(n_rows, 1, int(n_rows < least), observed=n_rows, figures=figures)


def _median(database: Database, rule: Rule, n_rows: int) -> Count:
    (column,) = rule.columns
    values = database.read(f"SELECT {column} FROM {_ROWS} WHERE {_given(column, 'DOUBLE')}")[
        column
    ].to_numpy()
    observed = float(np.median(values)) if len(values) else None
    figures = pa.table({column: pa.array([observed] if len(values) else [], pa.float64())})
    low, high = rule.settings["min_value"], rule.settings["max_value"]
    failed = observed is None or not low <= observed <= high
    return Count(n_rows, 1, int(failed), observed=observed, figures=figures)


_UNIQUE = ("ExpectColumnValuesToBeUnique", "ExpectCompoundColumnsToBeUnique")
_FIGURES = {
    "ExpectTableRowCountToBeBetween": _row_count,
    "ExpectColumnMedianToBeBetween": _median,
}
"""The expectations of whole tables."""
