"""Prompts that an evaluation set holds."""

from __future__ import annotations

import pyarrow as pa

from prefline.filters.leaks import BenchmarkIndex
from tasks.validate.columns import Rows, batches

TABLE = "leaks"


def leaks_table(prompts: Rows, leaks: BenchmarkIndex) -> pa.Table:
    """One row for each prompt, in their order: `leak` says which set holds a part of it, null if
    none does."""
    found = [
        leaks("\n".join(message["content"] or "" for message in messages or ()))
        for batch in batches(prompts, ("messages",))
        for messages in batch.column("messages").to_pylist()
    ]
    return pa.table({"leak": pa.array(found, pa.string())})
