"""Whether what a run made is fit to be published: one suite of expectations per table.

Importing this is quick; Great Expectations is imported when tables are checked.
"""

from tasks.validate.report import (
    DATA_DOCS,
    RESULTS,
    Example,
    Finding,
    ValidationReport,
    raise_if_failed,
)
from tasks.validate.run import SUITES, validate_tables

__all__ = [
    "DATA_DOCS",
    "RESULTS",
    "SUITES",
    "Example",
    "Finding",
    "ValidationReport",
    "raise_if_failed",
    "validate_tables",
]
