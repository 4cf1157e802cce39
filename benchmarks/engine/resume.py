"""A run over replies that are all stored, with no endpoint up: until every row is written.

`python -m benchmarks.engine.resume [--quick] [--calls N]`. The work of the stage `generate`, in a
fresh process over a store that another one has filled.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.engine.results import Results
from benchmarks.engine.stage import replies
from benchmarks.engine.trial import Trial, run

_NOBODY = "http://127.0.0.1:9/v1"
_IN_FLIGHT = 64


def main() -> None:
    """Run, and write the results down."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engine.resume")
    parser.add_argument("--quick", action="store_true", help="small sizes, not for quoting")
    parser.add_argument("--calls", type=int, help="replies in the store; 1,000,000 if not given")
    given = parser.parse_args()
    most, repeats = (5_000, 1) if given.quick else (1_000_000, 1)
    calls = given.calls or most
    results = Results("resume", quick=given.quick)
    results.begin()
    with tempfile.TemporaryDirectory(prefix="bench-engine-") as name:
        folder = Path(name)
        _fill(folder, calls)
        stored = replies(folder).stat().st_size
        for _ in range(repeats):
            shutil.rmtree(folder / "rows", ignore_errors=True)
            result = run(Trial("stage", calls, _IN_FLIGHT), _NOBODY, folder)
            results.add(result | {"stored_bytes": stored})


def _fill(folder: Path, calls: int) -> None:
    command = [sys.executable, "-m", "benchmarks.engine.fill"]
    subprocess.run([*command, "--calls", str(calls), "--folder", folder], check=True)


if __name__ == "__main__":
    main()
