"""What a table's suite is made of: rules, and the few words in which all of them are said.

A rule is one expectation as data, so that a suite can be read, tested and counted without
Great Expectations, whose import takes seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import pyarrow as pa

from prefline.config import ValidateParams
from tasks.validate.columns import Column, Rows

Severity = Literal["critical", "warning"]
Tables = Mapping[str, Rows]


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
class Suite:
    """The expectations of one table.

    `derive` makes of all tables the columns that the rules look at beside the table's own, row by
    row of this one, or in place of one of them; `id_column` names a row.
    """

    table: str
    id_column: str
    derive: Callable[[Tables, ValidateParams], Mapping[str, Column]]
    rules: Callable[[ValidateParams], tuple[Rule, ...]]


def nothing_derived(_tables: Tables, _params: ValidateParams) -> Mapping[str, Column]:
    """For a table whose own columns say all."""
    return {}


def made_by(stage: str) -> str:
    """The remedy for a table that its stage cannot have meant to write like this."""
    return (
        f"make the table again with `dvc repro --force --single-item {stage}`; if the fault "
        "comes again, report it with this message"
    )


def warning(rule: Rule) -> Rule:
    """The rule as one that goes to the report and does not stop the line."""
    return replace(rule, severity="warning")


def gate(name: str, rule: Rule, params: ValidateParams) -> Rule:
    """A rule about quality: a warning, unless params name it as critical."""
    return rule if name in params.critical else warning(rule)


def given(column: str, remedy: str) -> Rule:
    """No value of the column is null."""
    settings = {"column": column}
    return Rule("ExpectColumnValuesToNotBeNull", (column,), settings, f"{column} is given", remedy)


def all_given(schema: pa.Schema, remedy: str) -> tuple[Rule, ...]:
    """`given` for each column that the schema does not call optional. Message lists have
    rules of their own."""
    plain = (field for field in schema if not field.nullable and not pa.types.is_list(field.type))
    return tuple(given(field.name, remedy) for field in plain)


def once(column: str, remedy: str) -> Rule:
    """No value of the column comes twice."""
    settings = {"column": column}
    return Rule("ExpectColumnValuesToBeUnique", (column,), settings, f"{column} is unique", remedy)


def once_together(columns: tuple[str, ...], remedy: str) -> Rule:
    """No combination of the columns' values comes twice."""
    says = f"{', '.join(columns)} are unique together"
    settings = {"column_list": list(columns)}
    return Rule("ExpectCompoundColumnsToBeUnique", columns, settings, says, remedy)


def one_of(column: str, values: Iterable[str], remedy: str) -> Rule:
    """Every value of the column is one of those."""
    known = list(values)
    says = f"{column} is one of {', '.join(known)}"
    settings = {"column": column, "value_set": known}
    return Rule("ExpectColumnValuesToBeInSet", (column,), settings, says, remedy)


def at_least(column: str, low: float, remedy: str) -> Rule:
    """Every value that is given is `low` or more."""
    settings = {"column": column, "min_value": low}
    says = f"{column} is at least {low}"
    return Rule("ExpectColumnValuesToBeBetween", (column,), settings, says, remedy)


def within(column: str, low: float, high: float, remedy: str) -> Rule:
    """Every value that is given lies in [low, high]."""
    settings = {"column": column, "min_value": low, "max_value": high}
    says = f"{column} lies in [{low}, {high}]"
    return Rule("ExpectColumnValuesToBeBetween", (column,), settings, says, remedy)


def strictly_within(column: str, low: float, high: float, remedy: str) -> Rule:
    """Every value that is given lies in (low, high)."""
    strict = {"strict_min": True, "strict_max": True}
    settings = {"column": column, "min_value": low, "max_value": high} | strict
    says = f"{column} lies strictly between {low} and {high}"
    return Rule("ExpectColumnValuesToBeBetween", (column,), settings, says, remedy)


def not_empty(column: str, remedy: str) -> Rule:
    """Every text that is given has a character."""
    settings = {"column": column, "min_value": 1}
    says = f"{column} is not empty"
    return Rule("ExpectColumnValueLengthsToBeBetween", (column,), settings, says, remedy)


def no(fault: str, says: str, remedy: str) -> Rule:
    """The derived column `fault`, which holds what is wrong with a row, holds nothing."""
    return Rule("ExpectColumnValuesToBeNull", (fault,), {"column": fault}, says, remedy)


def rows_at_least(least: int, remedy: str) -> Rule:
    """The table has that many rows."""
    says = f"there are at least {least:,} rows"
    return Rule("ExpectTableRowCountToBeBetween", (), {"min_value": least}, says, remedy)


def median_within(column: str, low: float, high: float, remedy: str) -> Rule:
    """The column's median lies in [low, high]."""
    settings = {"column": column, "min_value": low, "max_value": high}
    says = f"the median of {column} lies in [{low:g}, {high:g}]"
    return Rule("ExpectColumnMedianToBeBetween", (column,), settings, says, remedy)
