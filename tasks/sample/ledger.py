"""Which prompts each round has drawn: the table `drawn`, which DVC keeps between runs of the stage
and whose hash is in the lineage of every version."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa

from prefline.tables import DRAWN, read_table, texts
from tasks.sample.rounds import Ledger
from tasks.sample.tickets import Ids, as_id, as_number


def read_ledger(folder: Path, before: int) -> Ledger:
    """What the rounds before `before` drew, as far as it is known here; later rounds are of a line
    of rounds that was left. Raises `TableError` for a table that cannot be read."""
    if not folder.is_dir():
        return {}
    table = read_table(folder)
    rounds = np.array(table["round"].to_pylist(), np.int32)  # to_numpy would import pandas
    ids = np.array([as_number(one) for one in texts(table, "prompt_id")], np.uint64)
    return {int(number): ids[rounds == number] for number in np.unique(rounds) if number < before}


def ledger_table(ledger: Mapping[int, Ids]) -> pa.Table:
    """The table, by round and id."""
    rows = [(number, one) for number in sorted(ledger) for one in np.sort(ledger[number]).tolist()]
    columns = {
        "prompt_id": [as_id(one) for _, one in rows],
        "round": pa.array([number for number, _ in rows], pa.int32()),
    }
    return pa.table(columns, schema=DRAWN)
