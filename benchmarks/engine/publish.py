"""Write benchmarks/results/engine.md from the results: `python -m benchmarks.engine.publish`.

With `--quick` the figures of quick runs are printed, and the file is left as it is.
"""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Callable
from pathlib import Path

import psutil

from benchmarks.engine import tables
from benchmarks.engine.results import Result, Results
from benchmarks.engine.trial import quick
from benchmarks.report import write_results

_PARTS: dict[str, tuple[str, Callable[[list[Result]], str]]] = {
    "peers": ("The stages and their peers", tables.peers),
    "flow": ("The stages with Prefect", tables.flow),
    "floor": ("CPU time of a call", tables.floor),
    "latency": ("Calls per second at 200 ms", tables.latency),
    "memory": ("Memory", tables.memory),
    "store": ("The reply store", tables.store),
    "resume": ("A run over stored replies", tables.resume),
}


def main() -> None:
    """Write the figures, or print those of quick runs."""
    small = quick(__doc__)
    found = {name: Results(name, quick=small).read() for name in _PARTS}
    figures = _figures(found)
    if small:
        print(figures)
        return
    missing = [name for name, results in found.items() if not results]
    if missing:
        raise SystemExit(f"no results of {', '.join(missing)}: run `make bench-engine`")
    write_results("benchmarks.engine", "The request engine beside its peers", figures)


def _figures(found: dict[str, list[Result]]) -> str:
    sections = [
        f"## {title}\n\n{render(found[name])}"
        for name, (title, render) in _PARTS.items()
        if found[name]
    ]
    loads = [result["load"] for results in found.values() for result in results]
    return "\n\n".join([_machine(loads), *sections])


def _machine(loads: list[float]) -> str:
    cores, memory = len(os.sched_getaffinity(0)), psutil.virtual_memory().total / 2**30
    busy = f"{min(loads):.1f} to {max(loads):.1f}" if loads else "unknown"
    return (
        f"{cores} cores ({_processor()}), {memory:.0f} GiB of memory, {platform.system()}, "
        f"Python {platform.python_version()}. Load average before the runs: {busy}, "
        "what the run before it left included."
    )


def _processor() -> str:
    found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    return found[1] if found else platform.machine()


if __name__ == "__main__":
    main()
