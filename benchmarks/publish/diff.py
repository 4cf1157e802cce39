"""`python -m benchmarks.publish.diff`: two versions of a million rows compared, verified, loaded.

The second version lacks a tenth of the first one's rows, has as many others, and one pair in
twenty flipped. Each measurement is a process of its own. `--rows` is 1,000,000 unless given.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks.engine.measure import Cost, measure
from benchmarks.publish.planted import write_preferences
from benchmarks.report import write_results
from prefline.releases import Draft, DraftFile, publish
from prefline.storage import open_store
from prefline.tables import PREFERENCES, TableWriter, iter_batches

_ROWS = 1_000_000
_COMMAND = "from prefline.cli import main; main()"
_LOAD = "import sys, prefline; prefline.load(sys.argv[1], split='train', columns=['pair_id'])"


def main() -> None:
    """Publish two versions, and measure what readers do with them."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--rows", type=int, default=_ROWS)
    rows = asked.parse_args().rows
    with tempfile.TemporaryDirectory(prefix="bench-diff-") as folder:
        uri = _publish_two(Path(folder), rows)
        costs = {
            "diff": _cost(Path(folder), _COMMAND, "diff", f"{uri}@1", f"{uri}@2"),
            "verify": _cost(Path(folder), _COMMAND, "verify", f"{uri}@2"),
            "load one column": _cost(Path(folder), _LOAD, f"{uri}@2"),
        }
    print(_table(rows, costs))
    if rows == _ROWS:
        write_results(
            "benchmarks.publish.diff",
            "The diff of two versions of a million preferences",
            _table(rows, costs),
        )


def _publish_two(folder: Path, rows: int) -> str:
    write_preferences(folder / "planted", rows + rows // 10)
    store = open_store(str(folder / "store"))
    for version, (begin, end) in enumerate(((0, rows), (rows // 10, rows + rows // 10)), 1):
        part = folder / f"version-{version}"
        with TableWriter(part, PREFERENCES) as table:
            at = 0
            for batch in iter_batches(folder / "planted"):
                inside = np.arange(at, at + batch.num_rows)
                taken = pa.Table.from_batches([batch]).filter((inside >= begin) & (inside < end))
                table.write(_flipped(taken) if version > 1 else taken)
                at += batch.num_rows
        files = [DraftFile("train", path) for path in sorted(part.iterdir())]
        publish(store, Draft("demo", files, card=f"# {version}\n", license="mit"))
    return f"{folder}/store/demo"


def _flipped(rows: pa.Table) -> pa.Table:
    """The same rows, one in twenty with the ids of chosen and rejected exchanged."""
    chosen, rejected = (
        np.asarray(rows[name].to_pylist(), dtype=object) for name in ("chosen_id", "rejected_id")
    )
    flip = np.arange(rows.num_rows) % 20 == 0
    for name, mine, other in (("chosen_id", chosen, rejected), ("rejected_id", rejected, chosen)):
        at = rows.column_names.index(name)
        rows = rows.set_column(
            at, rows.field(at), pa.array(np.where(flip, other, mine), pa.string())
        )
    return rows


def _cost(folder: Path, code: str, *arguments: str) -> Cost:
    own = {"PREFLINE_CACHE": str(folder / "cache"), "HF_HOME": str(folder / "hf")}
    command = [sys.executable, "-c", code, *arguments]
    cost = measure(command, folder / "log", os.environ | own)
    if cost.status != 0:
        raise RuntimeError(f"{arguments} ended with {cost.status}: {(folder / 'log').read_text()}")
    return cost


def _table(rows: int, costs: dict[str, Cost]) -> str:
    lines = [
        f"Two versions of {rows:,} rows in a folder, of which the second has a tenth other rows "
        "and one pair in twenty flipped; start of Python included.\n",
        "| command | wall s | CPU s | peak MB |",
        "| --- | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {name} | {one.wall_s:.1f} | {one.cpu_s:.1f} | {one.peak_mb:.0f} |"
        for name, one in costs.items()
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
