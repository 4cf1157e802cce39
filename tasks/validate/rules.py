"""The parts of a table's suite: rules, and the few words in which all of them are said.

A rule is one expectation as data, so that a suite can be read, tested and counted without Great
Expectations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import pyarrow as pa

from prefline.config import ValidateParams
from tasks.validate.counts import Rule
from tasks.validate.database import Database


@dataclass(frozen=True, slots=True)
class Suite:
    """The expectations of one table.

    `derive` returns the query for its rows, with the columns that rules look at beside the table's
    own, or in place of one of them; `id_column` names a row.
    """

    table: str
    id_column: str
    derive: Callable[[Database, ValidateParams], str]
    rules: Callable[[ValidateParams], tuple[Rule, ...]]


def nothing_derived(table: str) -> Callable[[Database, ValidateParams], str]:
    """For a table whose own columns say all."""
    return lambda _database, _params: f"SELECT * FROM {table}"


def made_by(stage: str) -> str:
    """Return the remedy for a table that its stage cannot have meant to write like this."""
    return (
        f"make the table again with `dvc repro --force --single-item {stage}`; if the fault "
        "comes again, report it with this message"
    )


def warning(rule: Rule) -> Rule:
    """Return the rule as one that goes to the report and does not stop the pipeline."""
    return replace(rule, severity="warning")


def gate(name: str, rule: Rule, params: ValidateParams) -> Rule:
    """Return a rule about quality: a warning, unless params name it as critical."""
    return rule if name in params.critical else warning(rule)


def given(column: str, remedy: str) -> Rule:
    """Return no value of the column is null."""
    settings = {"column": column}
    return Rule("ExpectColumnValuesToNotBeNull", (column,), settings, f"{column} is given", remedy)


def all_given(schema: pa.Schema, remedy: str) -> tuple[Rule, ...]:
    """`given` for each column that the schema does not call optional. Message lists have
    rules of their own."""
    plain = (field for field in schema if not field.nullable and not pa.types.is_list(field.type))
    return tuple(given(field.name, remedy) for field in plain)


def once(column: str, remedy: str) -> Rule:
    """Return no value of the column comes twice."""
    settings = {"column": column}
    return Rule("ExpectColumnValuesToBeUnique", (column,), settings, f"{column} is unique", remedy)


def once_together(columns: tuple[str, ...], remedy: str) -> Rule:
    """Return no combination of the columns' values comes twice."""
    says = f"{', '.join(columns)} are unique together"
    settings = {"column_list": list(columns)}
    return Rule("ExpectCompoundColumnsToBeUnique", columns, settings, says, remedy)


def one_of(column: str, values: Iterable[str], remedy: str) -> Rule:
    """Return every value of the column is one of those."""
    known = list(values)
    says = f"{column} is one of {', '.join(known)}"
    settings = {"column": column, "value_set": known}
    return Rule("ExpectColumnValuesToBeInSet", (column,), settings, says, remedy)


def at_least(column: str, low: float, remedy: str) -> Rule:
    """Return every value that is given is `low` or more."""
    settings = {"column": column, "min_value": low}
    says = f"{column} is at least {low}"
    return Rule("ExpectColumnValuesToBeBetween", (column,), settings, says, remedy)


def within(column: str, low: float, high: float, remedy: str) -> Rule:
    """Return every value that is given lies in [low, high]."""
    settings = {"column": column, "min_value": low, "max_value": high}
    says = f"{column} lies in [{low}, {high}]"
    return Rule("ExpectColumnValuesToBeBetween", (column,), settings, says, remedy)


def strictly_within(column: str, low: float, high: float, remedy: str) -> Rule:
    """Return every value that is given lies in (low, high)."""
    strict = {"strict_min": True, "strict_max": True}
    settings = {"column": column, "min_value": low, "max_value": high} | strict
    says = f"{column} lies strictly between {low} and {high}"
    return Rule("ExpectColumnValuesToBeBetween", (column,), settings, says, remedy)


def not_empty(column: str, remedy: str) -> Rule:
    """Return every text that is given has a character."""
    settings = {"column": column, "min_value": 1}
    says = f"{column} is not empty"
    return Rule("ExpectColumnValueLengthsToBeBetween", (column,), settings, says, remedy)


def no(fault: str, says: str, remedy: str) -> Rule:
    """Return the derived column `fault`, which holds what is wrong with a row, holds nothing."""
    return Rule("ExpectColumnValuesToBeNull", (fault,), {"column": fault}, says, remedy)


def rows_at_least(least: int, remedy: str) -> Rule:
    """Return the table has that many rows."""
    says = f"there are at least {least:,} rows"
    return Rule("ExpectTableRowCountToBeBetween", (), {"min_value": least}, says, remedy)


def median_within(column: str, low: float, high: float, remedy: str) -> Rule:
    """Return the column's median lies in [low, high]."""
    settings = {"column": column, "min_value": low, "max_value": high}
    says = f"the median of {column} lies in [{low:g}, {high:g}]"
    return Rule("ExpectColumnMedianToBeBetween", (column,), settings, says, remedy)
