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
from prefline.tables.parts import ROWS_PER_GROUP, open_parquet, regroup
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
_ROWS_PER_BATCH = 10_000
_ANSWER = "[{'role': 'assistant', 'content': text}]"
# Of tables in which a row has tools or an answer of several turns.
_TURNS = """coalesce(turns, [{
    'role': 'assistant', 'content': text, 'reasoning': NULL::VARCHAR, 'tool_calls': NULL::VARCHAR,
    'tool_call_id': NULL::VARCHAR, 'name': NULL::VARCHAR}])"""
_OF_PROMPT, _OF_RESPONSE = ("prompts", "prompt_id"), ("responses", "response_id")
_TEXTS_OF = """
    SELECT {columns} FROM {table} RIGHT JOIN (
        SELECT pair_id, {key} AS wanted FROM labels WHERE reason IS NULL
    ) ON {id} = wanted
    ORDER BY pair_id
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
    path = _labels(tables)
    with pq.ParquetWriter(path, _LABELS, compression="zstd") as file:
        for some in shards(pairs, ROWS_PER_GROUP):
            file.write_table(table_from_rows((label_row(pair, params) for pair in some), _LABELS))
    tables.database.execute(f"CREATE VIEW labels AS SELECT * FROM read_parquet('{path}')")  # noqa: S608


def write_preferences(tables: PairTables, folder: Path) -> int:
    """Write the labels that are preferences with their texts, and return how many they are.

    Raises `TableError` for a pair whose prompt or response is not in its table.
    """
    count, schema = 0, PREFERENCES
    answer, tools = _ANSWER, "NULL::VARCHAR AS tools"
    if tables.has("responses", "turns"):
        answer, schema = _TURNS, with_turns(PREFERENCES)
    if tables.has("prompts", "tools"):
        tools, schema = "tools", with_turns(PREFERENCES)
    # One after the other, and with the ids, which are small, as what a join holds: more does not
    # fit into any limit once there are a million prompts.
    columns = {"prompt": f"messages AS prompt, category, source, {tools}"}
    for side in ("chosen", "rejected"):
        columns[side] = f"{answer} AS {side}, model AS {side}_model"
    files = [
        tables.stored(
            key, _TEXTS_OF.format(key=f"{key}_id", columns=some, table=table, id=identity)
        )
        for (key, some), (table, identity) in zip(
            columns.items(), (_OF_PROMPT, _OF_RESPONSE, _OF_RESPONSE), strict=True
        )
    ]
    labels = (
        batch.filter(pc.is_null(batch["reason"]))
        for batch in open_parquet(_labels(tables)).iter_batches(ROWS_PER_GROUP)
    )
    parts = [labels, *(open_parquet(file).iter_batches(_ROWS_PER_BATCH) for file in files)]
    with TableWriter(folder, schema) as writer:
        for groups in zip(*map(regroup, parts), strict=True):
            group = pa.table({name: each[name] for each in groups for name in each.column_names})
            _check_texts(group)
            writer.write(group)
            count += group.num_rows
    return count


def _labels(tables: PairTables) -> Path:
    return tables.work / "labels.parquet"


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
