"""The suite of the schemas: each table has its declared columns, of their declared types.

Checked first and on Arrow's schemas: on pandas' strings Great Expectations' own type expectations
never hold, and no other expectation means anything on a wrong type.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from prefline.config import ValidateParams
from prefline.tables import SCHEMAS
from prefline.tables.joining import Rows
from prefline.tables.schemas import MESSAGES, TURNS, has_turns
from tasks.validate.counts import Rule
from tasks.validate.rules import Suite, no, nothing_derived

TABLE = "schemas"
TABLES = (
    "prompts",
    "held_out",
    "drawn",
    "responses",
    "judgments",
    "preferences",
    "rejections",
    "review",
    "anchors",
    "answers",
)


def schemas_table(tables: Mapping[str, Rows]) -> pa.Table:
    """Return one row per declared column: its name, and what is wrong with it."""
    declared = [(table, field) for table in TABLES for field in SCHEMAS[table]]
    names = [f"{table}.{field.name}" for table, field in declared]
    faults = [_fault(tables.get(table), field) for table, field in declared]
    return pa.table(
        {"column": pa.array(names, pa.string()), "column_fault": pa.array(faults, pa.string())}
    )


def _fault(table: Rows | None, declared: pa.Field[Any]) -> str | None:
    if table is None:
        return "the table is missing"
    if declared.name not in table.schema.names:
        return "the column is missing"
    found, wanted = table.schema.field(declared.name).type, declared.type
    if wanted == MESSAGES and has_turns(table.schema):
        wanted = TURNS
    return None if found == wanted else f"is {found}, declared {wanted}"


def rules(_params: ValidateParams) -> tuple[Rule, ...]:
    """Return every declared column is there and of its type. More columns are allowed."""
    return (
        no(
            "column_fault",
            "every declared column is there and of its declared type",
            "the table was written by another version of Prefline or by other means: make it "
            "again with `dvc repro`, or import it through its stage",
        ),
    )


SUITE = Suite(TABLE, "column", nothing_derived(TABLE), rules)
