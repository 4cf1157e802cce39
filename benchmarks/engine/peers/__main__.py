"""`python -m benchmarks.engine.peers`: every entrant in turn, as often as asked.

Prints a JSON line per run as it ends and writes it down, then prints a Markdown table of
medians. Run it from the project's root, after `make bench-engine-peers`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from benchmarks.engine.peers.entrants import Entrant, entrants
from benchmarks.engine.peers.inputs import write_pairs, write_prompts
from benchmarks.engine.peers.jobs import JOBS
from benchmarks.engine.peers.race import race
from benchmarks.engine.peers.table import table
from benchmarks.engine.results import Results


def main() -> int:
    """Run; 1 if a run had a problem."""
    chosen = _arguments()
    results = Results("peers", quick=chosen.quick)
    results.begin()
    runs = []
    with tempfile.TemporaryDirectory(prefix="peers-inputs-") as folder:
        inputs = _inputs(Path(folder), chosen.rows)
        for _ in range(chosen.repeat):
            for job in chosen.job or sorted(JOBS):
                for entrant in _chosen(chosen.only):
                    run = race(entrant, job, inputs[job], chosen.rows)
                    results.add(asdict(run))
                    runs.append(run)
    print("\n" + table(runs))
    return int(any(run.problems for run in runs))


def _inputs(folder: Path, calls: int) -> dict[str, Path]:
    """The input file of each job."""
    prompts, pairs = folder / "prompts.jsonl", folder / "pairs.jsonl"
    write_prompts(prompts, calls)
    write_pairs(pairs, calls // 2)
    return {"generate": prompts, "judge": pairs}


def _chosen(names: list[str] | None) -> list[Entrant]:
    here = {entrant.name: entrant for entrant in entrants()}
    missing = sorted(set(names or []) - here.keys())
    if missing:
        raise SystemExit(f"not here: {', '.join(missing)}; run `make bench-engine-peers`")
    return [entrant for name, entrant in here.items() if not names or name in names]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engine.peers")
    parser.add_argument("--quick", action="store_true", help="small sizes, not for quoting")
    parser.add_argument("--rows", type=_even, help="calls per run, an even number; 2,000")
    parser.add_argument("--repeat", type=int, help="runs of each entrant and job; 5")
    parser.add_argument("--only", action="append", metavar="NAME", help="may be repeated")
    parser.add_argument("--job", action="append", choices=sorted(JOBS), help="may be repeated")
    given = parser.parse_args()
    given.rows = given.rows or (200 if given.quick else 2_000)
    given.repeat = given.repeat or (1 if given.quick else 5)
    return given


def _even(text: str) -> int:
    number = int(text)
    if number < 2 or number % 2:
        raise argparse.ArgumentTypeError("a pair is two calls: give an even number")
    return number


if __name__ == "__main__":
    sys.exit(main())
