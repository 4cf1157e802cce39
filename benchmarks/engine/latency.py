"""Calls per second where every reply takes 200 ms, 1,024 in flight: engine and bare loops.

`python -m benchmarks.engine.latency [--quick]`. Interleaved as in `floor.py`. Nothing can be
faster than 1,024 calls in 200 ms: 5,120 a second.
"""

from __future__ import annotations

from benchmarks.engine.material import one_kilobyte
from benchmarks.engine.results import Results
from benchmarks.engine.trial import Trial, quick, trial
from prefline.simulator import simulated_server

PROGRAMS = ("engine", "aiohttp", "aiohttp-uvloop")
LATENCY_MS = 200.0
IN_FLIGHT = 1024


def main() -> None:
    """Run, and write the results down."""
    small = quick(__doc__)
    calls, repeats = (6_000, 1) if small else (60_000, 5)
    results = Results("latency", quick=small)
    results.begin()
    with simulated_server(one_kilobyte(LATENCY_MS)) as server:
        for repeat in range(repeats):
            for program in PROGRAMS[:: -1 if repeat % 2 else 1]:
                results.add(trial(Trial(program, calls, IN_FLIGHT), server))


if __name__ == "__main__":
    main()
