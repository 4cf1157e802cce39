"""CPU time of a call: the whole engine against bare loops, at no latency, 64 in flight.

`python -m benchmarks.engine.floor [--quick]`. Repeats are interleaved, every other one in
the opposite order, so that whatever else the machine does meets all alike.
"""

from __future__ import annotations

from benchmarks.engine.material import one_kilobyte
from benchmarks.engine.results import Results
from benchmarks.engine.trial import Trial, quick, trial
from prefline.simulator import simulated_server

PROGRAMS = ("engine", "engine-aiohttp", "aiohttp", "aiohttp-uvloop", "transport")
_IN_FLIGHT = 64


def main() -> None:
    """Run, and write the results down."""
    small = quick(__doc__)
    calls, repeats = (1_000, 2) if small else (20_000, 7)
    results = Results("floor", quick=small)
    results.begin()
    with simulated_server(one_kilobyte()) as server:
        for repeat in range(repeats):
            for program in PROGRAMS[:: -1 if repeat % 2 else 1]:
                results.add(trial(Trial(program, calls, _IN_FLIGHT), server))


if __name__ == "__main__":
    main()
