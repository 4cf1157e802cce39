"""Which replies the project's tables name."""

from __future__ import annotations

from prefline.project import Project
from prefline.tables import read_table
from prefline.tables.calls import distinct_keys

_TABLES = ("prompts", "responses", "judgments")


def used_keys(project: Project) -> frozenset[bytes]:
    """The keys in `request_key` of the prompts that a model made, the responses and the judgments.

    Raises `TableError` where one of the three is not there, as while its stage runs: what it
    will name cannot be told.
    """
    keys: set[bytes] = set()
    for table in _TABLES:
        found = read_table(project.table(table), columns=["request_key"])
        if "request_key" not in found.column_names:
            continue  # prompts of a run before models made some
        keys |= {bytes.fromhex(key) for key in distinct_keys(found)}
    return frozenset(keys)
