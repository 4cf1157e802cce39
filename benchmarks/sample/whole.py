"""`python -m benchmarks.sample.whole`: all that the stage `sample` does (read, filter, near
duplicates, hold out, draw, write) on prompts of about 200 characters, in a process of its own.
`--prompts` is 1,000,000 unless given; 10,000 are drawn.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

import yaml

from benchmarks.engine.measure import measure
from benchmarks.report import write_results
from benchmarks.sample.documents import write_documents

_PROMPTS, _MOST, _DRAWN = 1_000_000, 10_000_000, 10_000
_CODE = """
import os
import sys
from pathlib import Path
from flows.sample import sample_tables
from prefline.config import read_params
from prefline.project import Project
from prefline.tables.shards import on_processes
project = Project(Path(sys.argv[1]))
spread = on_processes(len(os.sched_getaffinity(0)))
found = sample_tables(read_params(project.params).sample, project, None, spread)
print(len(found.drawn), found.rejected.total(), found.held_out)
"""


def main() -> None:
    """Measure, and write the section."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--prompts", type=int, default=_PROMPTS)
    count = asked.parse_args().prompts
    with tempfile.TemporaryDirectory(prefix="bench-sample-") as name:
        folder = Path(name)
        write_documents(folder / "documents.jsonl", count)
        (folder / "params.yaml").write_text(yaml.safe_dump(_params()))
        (folder / "dvc.yaml").write_text("stages: {}\n")
        command = [sys.executable, "-c", _CODE, str(folder)]
        cost = measure(command, folder / "log", dict(os.environ), 3_600)
        said = (folder / "log").read_text()
    if cost.status != 0:
        raise RuntimeError(said)
    drawn, rejected, held_out = map(int, said.split()[-3:])
    text = (
        f"{count:,} prompts of about 200 characters: {drawn:,} drawn, {held_out:,} held out, "
        f"{rejected:,} rejected (near duplicates at 0.8). {cost.wall_s:.0f} s, {cost.cpu_s:.0f} "
        f"CPU seconds, at most {cost.peak_mb:,.0f} MB."
    )
    print(text)
    if count in (_PROMPTS, _MOST):
        asked_for = "" if count == _PROMPTS else f" --prompts {count}"
        write_results(f"benchmarks.sample.whole{asked_for}", f"{count:,} prompts, sampled", text)


def _params() -> dict[str, object]:
    source = {"name": "s", "path": "documents.jsonl", "columns": {"prompt": "prompt", "id": "id"}}
    return {
        "sample": {
            "sources": [source],
            "size": _DRAWN,
            "hold_out": {"share": 0.01},
            "filters": {"near_duplicates": {"threshold": 0.8}},
        },
        "generate": {"endpoints": [{"model": "m", "base_url": "http://127.0.0.1:9/v1"}]},
        "judge": {"judges": [{"name": "verifier", "method": "verifier"}]},
    }


if __name__ == "__main__":
    main()
