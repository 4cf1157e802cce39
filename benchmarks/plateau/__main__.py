"""Write benchmarks/results/plateau.md: `python -m benchmarks.plateau [--seeds 100]`."""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from benchmarks.plateau.measure import measure
from benchmarks.plateau.rounds import SETTINGS
from benchmarks.plateau.table import tables
from benchmarks.report import write_results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=100)
    args = parser.parse_args()
    with ProcessPoolExecutor() as pool:
        results = {
            setting: list(pool.map(partial(measure, setting), range(args.seeds), chunksize=4))
            for setting in SETTINGS
        }
    write_results(
        "benchmarks.plateau", "When rounds of self-improvement level off", tables(results)
    )


if __name__ == "__main__":
    main()
