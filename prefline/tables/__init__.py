"""The meaning of a row: the schemas of all tables, and reading and writing them."""

from typing import TYPE_CHECKING

from prefline.lazy import lazy_names

if TYPE_CHECKING:
    from prefline.tables.parts import (
        StoredTable,
        TableWriter,
        iter_batches,
        part_hashes,
        parts_of,
        read_table,
        rows_by_id,
        write_table,
    )
    from prefline.tables.rejections import (
        Rejection,
        by_kind_and_id,
        rejections_part,
        write_rejections,
        write_sorted_rejections,
    )
    from prefline.tables.schemas import (
        ANCHORS,
        ANSWERS,
        CANARIES,
        CHARGES,
        DRAWN,
        JUDGMENTS,
        PREFERENCES,
        PROMPTS,
        REJECTIONS,
        RESPONSES,
        REVIEW_QUEUE,
        RUBRICS,
        SCHEMAS,
        table_from_rows,
        texts,
    )
    from prefline.tables.unjudged import (
        read_for_people,
        read_unjudged,
        rejected_pairs,
        write_for_people,
        write_unjudged,
    )

__all__ = [
    "ANCHORS",
    "ANSWERS",
    "CANARIES",
    "CHARGES",
    "DRAWN",
    "JUDGMENTS",
    "PREFERENCES",
    "PROMPTS",
    "REJECTIONS",
    "RESPONSES",
    "REVIEW_QUEUE",
    "RUBRICS",
    "SCHEMAS",
    "Rejection",
    "StoredTable",
    "TableWriter",
    "by_kind_and_id",
    "iter_batches",
    "part_hashes",
    "parts_of",
    "read_for_people",
    "read_table",
    "read_unjudged",
    "rejected_pairs",
    "rejections_part",
    "rows_by_id",
    "table_from_rows",
    "texts",
    "write_for_people",
    "write_rejections",
    "write_sorted_rejections",
    "write_table",
    "write_unjudged",
]

__getattr__ = lazy_names(
    __name__,
    {
        "parts": [
            "StoredTable",
            "TableWriter",
            "iter_batches",
            "part_hashes",
            "parts_of",
            "read_table",
            "rows_by_id",
            "write_table",
        ],
        "rejections": [
            "Rejection",
            "by_kind_and_id",
            "rejections_part",
            "write_rejections",
            "write_sorted_rejections",
        ],
        "schemas": [
            "ANCHORS",
            "ANSWERS",
            "CANARIES",
            "CHARGES",
            "DRAWN",
            "JUDGMENTS",
            "PREFERENCES",
            "PROMPTS",
            "REJECTIONS",
            "RESPONSES",
            "REVIEW_QUEUE",
            "RUBRICS",
            "SCHEMAS",
            "table_from_rows",
            "texts",
        ],
        "unjudged": [
            "read_for_people",
            "read_unjudged",
            "rejected_pairs",
            "write_for_people",
            "write_unjudged",
        ],
    },
)
