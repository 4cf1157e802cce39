"""`python -m benchmarks.plateau [--seeds 100]` writes the tables of docs/plateau.md."""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from benchmarks.page import DOCS, write_section
from benchmarks.plateau.measure import measure
from benchmarks.plateau.rounds import SETTINGS
from benchmarks.plateau.table import tables

PAGE = DOCS / "plateau.md"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--page", type=Path, default=PAGE)
    args = parser.parse_args()
    with ProcessPoolExecutor() as pool:
        results = {
            setting: list(pool.map(partial(measure, setting), range(args.seeds), chunksize=4))
            for setting in SETTINGS
        }
    write_section(args.page, "benchmarks.plateau", tables(results))


if __name__ == "__main__":
    main()
