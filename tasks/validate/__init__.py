"""Check that a run's tables are fit to be published: one suite of expectations per table.

Importing this is quick; Great Expectations is imported when tables are checked.
"""

from tasks.validate.drift import count_labels, drift_table
from tasks.validate.judgments import judges_table
from tasks.validate.labels import labels_table
from tasks.validate.prompts import leaks_table
from tasks.validate.report import (
    DATA_DOCS,
    RESULTS,
    Example,
    Finding,
    ValidationReport,
    raise_if_failed,
)
from tasks.validate.run import SUITES, read_before, validate_tables
from tasks.validate.schemas import TABLES

__all__ = [
    "DATA_DOCS",
    "RESULTS",
    "SUITES",
    "TABLES",
    "Example",
    "Finding",
    "ValidationReport",
    "count_labels",
    "drift_table",
    "judges_table",
    "labels_table",
    "leaks_table",
    "raise_if_failed",
    "read_before",
    "validate_tables",
]
