"""The largest resident set of the engine's process as the number of requests grows.

`python -m benchmarks.engine.memory [--quick] [--calls N]`. The requests come from a generator
and the outcomes are dropped, so what grows is what the engine and its reply store keep.
"""

from __future__ import annotations

import argparse

from benchmarks.engine.material import one_kilobyte
from benchmarks.engine.results import Results
from benchmarks.engine.trial import Trial, trial
from prefline.simulator import simulated_server

_IN_FLIGHT = 64


def main() -> None:
    """Run, and write the results down."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engine.memory")
    parser.add_argument("--quick", action="store_true", help="small sizes, not for quoting")
    parser.add_argument("--calls", type=int, help="the larger number; 200,000 if not given")
    given = parser.parse_args()
    few, many, repeats = (1_000, 5_000, 1) if given.quick else (10_000, 200_000, 3)
    results = Results("memory", quick=given.quick)
    results.begin()
    with simulated_server(one_kilobyte()) as server:
        for _ in range(repeats):
            for calls in (few, given.calls or many):
                results.add(trial(Trial("engine", calls, _IN_FLIGHT), server))


if __name__ == "__main__":
    main()
