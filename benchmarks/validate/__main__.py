"""`python -m benchmarks.validate`: validation of a million preferences with their prompts, two
million responses and two million judgments, one pair of fifty queued for people, in a process of
its own. `--preferences` is 1,000,000 unless given.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from benchmarks.engine.measure import measure
from benchmarks.report import write_results
from benchmarks.validate.tables import queued, write_tables

_PREFERENCES = 1_000_000
_CODE = """
import sys
from pathlib import Path
from flows.validate import TABLES
from prefline.config import ValidateParams
from prefline.tables import StoredTable
from tasks.validate import validate_tables
data = Path(sys.argv[1])
tables = {name: StoredTable(data / name) for name in (*TABLES, "review")}
report = validate_tables(tables, ValidateParams(), data / "validation")
print(len(report.findings), sum(one.passed for one in report.findings))
"""


def main() -> None:
    """Measure, and write the section."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--preferences", type=int, default=_PREFERENCES)
    count = asked.parse_args().preferences
    with tempfile.TemporaryDirectory(prefix="bench-validate-") as name:
        folder = Path(name)
        write_tables(folder / "data", count)
        command = [sys.executable, "-c", _CODE, str(folder / "data")]
        cost = measure(command, folder / "log", dict(os.environ), 3_600)
        said = (folder / "log").read_text()
    if cost.status != 0:
        raise RuntimeError(said)
    findings, held = map(int, said.split()[-2:])
    text = (
        f"{count:,} preferences with {count:,} prompts, {2 * count:,} responses and {2 * count:,} "
        f"judgments, {len(queued(count)):,} pairs for people: {held} of {findings} expectations "
        f"hold. {cost.wall_s:.0f} s, {cost.cpu_s:.0f} CPU seconds, at most "
        f"{cost.peak_mb:,.0f} MB, reading and Data Docs included."
    )
    print(text)
    if count == _PREFERENCES:
        write_results("benchmarks.validate", "A million preferences, validated", text)


if __name__ == "__main__":
    main()
