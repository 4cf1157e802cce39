"""Which prompts each round has drawn: the table `drawn`, which DVC keeps between runs of the stage
and whose hash is in the lineage of every version."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa

from prefline.tables import DRAWN, iter_batches
from prefline.tables.parts import ROWS_PER_GROUP
from tasks.sample.drawing.rounds import Ledger
from tasks.sample.drawing.tickets import Codes, Ids, as_id, as_number


def read_ledger(folder: Path, before: int) -> Ledger:
    """What the rounds before `before` drew, as far as it is known here; later rounds are of a line
    of rounds that was left. Raises `TableError` for a table that cannot be read."""
    if not folder.is_dir():
        return {}
    ids, rounds = array("Q"), array("i")
    for batch in iter_batches(folder):
        for row in batch.to_pylist():
            rounds.append(row["round"])
            ids.append(as_number(row["prompt_id"]))
    return _by_round(np.array(ids, np.uint64), np.array(rounds, np.int32), before)


def _by_round(ids: Ids, rounds: Codes, before: int) -> Ledger:
    return {int(number): ids[rounds == number] for number in np.unique(rounds) if number < before}


def ledger_tables(ledger: Mapping[int, Ids]) -> Iterator[pa.Table]:
    """The table by round and id, in parts that fit into memory."""
    rounds = np.concatenate([np.full(len(ledger[one]), one, np.int32) for one in sorted(ledger)])
    ids = np.concatenate([np.sort(ledger[one]) for one in sorted(ledger)])
    for start in range(0, max(1, len(ids)), ROWS_PER_GROUP):
        part = slice(start, start + ROWS_PER_GROUP)
        columns = {
            "prompt_id": [as_id(int(one)) for one in ids[part]],
            "round": pa.array(rounds[part].tolist(), pa.int32()),
        }
        yield pa.table(columns, schema=DRAWN)
