"""What a row means: the schemas of every table, and how tables are read and written."""

from prefline.tables.parts import TableWriter, iter_batches, read_table, write_table
from prefline.tables.schemas import (
    JUDGMENTS,
    PREFERENCES,
    PROMPTS,
    REJECTIONS,
    RESPONSES,
    REVIEW_QUEUE,
    SCHEMAS,
    table_from_rows,
)

__all__ = [
    "JUDGMENTS",
    "PREFERENCES",
    "PROMPTS",
    "REJECTIONS",
    "RESPONSES",
    "REVIEW_QUEUE",
    "SCHEMAS",
    "TableWriter",
    "iter_batches",
    "read_table",
    "table_from_rows",
    "write_table",
]
