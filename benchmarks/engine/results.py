"""Results as JSON lines in .bench/results, a file for each benchmark, written as they come."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
Result = dict[str, Any]


class Results:
    """The results of one benchmark. Quick ones lie apart: they are not for quoting."""

    def __init__(self, name: str, *, quick: bool) -> None:
        folder = ROOT / ".bench" / "results"
        self.path = (folder / "quick" if quick else folder) / f"{name}.jsonl"

    def begin(self) -> None:
        """Forget what an earlier run has found."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text("", encoding="utf-8")

    def add(self, result: Result) -> None:
        """Write a result down, and print it."""
        line = json.dumps(result)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
        print(line, flush=True)

    def read(self) -> list[Result]:
        """All results; none if the benchmark has not run."""
        if not self.path.exists():
            return []
        lines = self.path.read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]
