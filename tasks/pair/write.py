"""The labels written: preferences with their texts, rejections, and the rows of the queue.

Texts are joined to the labels by DuckDB, out of core.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from prefline.config import PairParams
from prefline.errors import TableError
from prefline.tables import PREFERENCES, TableWriter, table_from_rows
from prefline.tables.parts import ROWS_PER_GROUP, regroup
from prefline.tables.rejections import write_rejection_tables
from prefline.tables.schemas import with_turns
from prefline.tables.shards import shards
from tasks.pair.judged import PairTables
from tasks.pair.labels import LabelledPair, label_row
from tasks.pair.queue import QueuedPair, queue_row

_TEXTS = ("prompt", "chosen", "rejected", "chosen_model", "rejected_model", "category", "source")
_LABELS = pa.schema(
    [field for field in PREFERENCES if field.name not in _TEXTS]
    + [pa.field("reason", pa.string()), pa.field("detail", pa.string())]
)
_ANSWER = "[{'role': 'assistant', 'content': RESPONSE.text}]"
# Of tables in which a row has tools or an answer of several turns.
_TURNS = """coalesce(RESPONSE.turns, [{
    'role': 'assistant', 'content': RESPONSE.text, 'reasoning': NULL::VARCHAR,
    'tool_calls': NULL::VARCHAR, 'tool_call_id': NULL::VARCHAR, 'name': NULL::VARCHAR}])"""
_PREFERENCES = """
    SELECT labels.*, prompts.messages AS prompt, prompts.category, prompts.source, TOOLS,
        CHOSEN AS chosen, REJECTED AS rejected,
        better.model AS chosen_model, worse.model AS rejected_model
    FROM labels
    LEFT JOIN prompts ON prompts.prompt_id = labels.prompt_id
    LEFT JOIN responses better ON better.response_id = chosen_id
    LEFT JOIN responses worse ON worse.response_id = rejected_id
    WHERE reason IS NULL ORDER BY pair_id
"""
_REJECTIONS = """
    SELECT 'pair' AS stage, 'pair' AS kind, pair_id AS id, reason, detail, NULL AS request_key,
        NULL AS cost_usd
    FROM labels WHERE reason IS NOT NULL
    UNION ALL SELECT * FROM unjudged WHERE id NOT IN (SELECT pair_id FROM labels)
    ORDER BY kind, id
"""
_QUEUE = """
    SELECT queue.place, messages, TOOLS, one.text AS lower, two.text AS upper
    FROM queue
    JOIN prompts USING (prompt_id)
    JOIN responses one ON one.response_id = lower_id
    JOIN responses two ON two.response_id = upper_id
    ORDER BY queue.place
"""


def write_labels(tables: PairTables, pairs: Iterable[LabelledPair], params: PairParams) -> None:
    """Give `tables` these labels, in the order of the pairs' ids, as its table `labels`."""
    path = tables.work / "labels.parquet"
    with pq.ParquetWriter(path, _LABELS, compression="zstd") as file:
        for some in shards(pairs, ROWS_PER_GROUP):
            file.write_table(table_from_rows((label_row(pair, params) for pair in some), _LABELS))
    tables.database.execute(f"CREATE VIEW labels AS SELECT * FROM read_parquet('{path}')")  # noqa: S608


def write_preferences(tables: PairTables, folder: Path) -> int:
    """Write the labels that are preferences with their texts, and return how many they are.

    Raises `TableError` for a pair whose prompt or response is not in its table.
    """
    count, schema = 0, PREFERENCES
    answer, tools = _ANSWER, "NULL AS tools"
    if tables.has("responses", "turns"):
        answer, schema = _TURNS, with_turns(PREFERENCES)
    if tables.has("prompts", "tools"):
        tools, schema = "prompts.tools", with_turns(PREFERENCES)
    query = _PREFERENCES.replace("TOOLS", tools)
    query = query.replace("CHOSEN", answer.replace("RESPONSE", "better"))
    query = query.replace("REJECTED", answer.replace("RESPONSE", "worse"))
    with TableWriter(folder, schema) as writer:
        for group in regroup(tables.read(query)):
            _check_texts(group)
            writer.write(group)
            count += group.num_rows
    return count


def write_pair_rejections(tables: PairTables, folder: Path, unjudged: pa.Table) -> int:
    """Write the labels that are no preferences, and the pairs that nobody judged or reviewed, and
    return how many they are."""
    tables.database.register("unjudged", unjudged)
    groups = regroup(tables.read(_REJECTIONS))
    return write_rejection_tables(folder, "pair", groups)


def queue_rows(tables: PairTables, queue: Sequence[QueuedPair]) -> Iterator[dict[str, Any]]:
    """Yield the rows of the review queue, in its order."""
    pairs = [queued.pair.evidence for queued in queue]
    ids = {
        "place": pa.array(range(len(pairs)), pa.int64()),
        "prompt_id": pa.array([pair.prompt_id for pair in pairs], pa.string()),
        "lower_id": pa.array([pair.lower for pair in pairs], pa.string()),
        "upper_id": pa.array([pair.upper for pair in pairs], pa.string()),
    }
    tables.database.register("queue", pa.table(ids))
    tools = "tools" if tables.has("prompts", "tools") else "NULL AS tools"
    for batch in tables.read(_QUEUE.replace("TOOLS", tools)):
        for row in batch.to_pylist():
            pair = pairs[row["place"]]
            texts = {pair.lower: row["lower"], pair.upper: row["upper"]}
            shown = queue_row(queue[row["place"]], row["messages"], texts)
            yield shown | ({"tools": row["tools"]} if row["tools"] else {})


def _check_texts(rows: pa.Table) -> None:
    for ids, models in (("prompt_id", "source"), ("chosen_id", "chosen_model"),
                        ("rejected_id", "rejected_model")):  # fmt: skip
        missing = rows.filter(pc.is_null(rows[models]))
        if missing.num_rows:
            raise TableError(
                f"pair {missing['pair_id'][0]} was judged, and its {ids} {missing[ids][0]} is in "
                "no table",
                "make the tables again, all of one run: `dvc repro`",
            )
