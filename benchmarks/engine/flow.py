"""The stages whole: `python -m flows.generate` and `flows.judge`, with Prefect around them.

`python -m benchmarks.engine.flow [--quick]`. The same prompts and pairs as the peers get, as the
tables of a project made for it. Its Prefect server is up before; `prefect_cpu_s` is what that
took meanwhile.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psutil
import yaml

from benchmarks.engine.measure import measure
from benchmarks.engine.peers.inputs import write_pairs, write_prompts
from benchmarks.engine.peers.jobs import JOBS
from benchmarks.engine.peers.race import own_address
from benchmarks.engine.results import ROOT, Result, Results
from benchmarks.engine.stage import generate_params, judge_spec, prompt_of
from benchmarks.engine.trial import quick
from flows.runtime.prefect_server import api_url
from prefline.project import Project
from prefline.simulator import SimulatorConfig, simulated_server
from prefline.tables import PROMPTS, RESPONSES, read_table, table_from_rows, write_table

_WRITTEN = {"generate": "responses", "judge": "judgments"}
_IDLE_S = 60.0


def main() -> None:
    """Run, and write the results down."""
    small = quick(__doc__)
    calls, repeats = (200, 1) if small else (2_000, 3)
    results = Results("flow", quick=small)
    results.begin()
    config = SimulatorConfig(host=own_address())
    with tempfile.TemporaryDirectory(prefix="bench-flow-") as name, simulated_server(config) as up:
        project = Project(Path(name))
        _write_params(project, up.base_url)
        api_url(project, idle_s=_IDLE_S)
        for _ in range(repeats):
            for job in sorted(JOBS):
                results.add(_run(project, job, calls))


def _run(project: Project, job: str, calls: int) -> Result:
    """One stage over fresh tables and an empty reply store."""
    shutil.rmtree(project.root / "data", ignore_errors=True)
    for old in project.replies.parent.glob(f"{project.replies.name}*"):
        old.unlink()
    _WRITERS[job](project, calls)
    load, before = os.getloadavg()[0], _prefect_cpu_s(project)
    log = project.root / "log"
    # `env -C` changes the folder and becomes the stage.
    argv = ["env", "-C", str(project.root), sys.executable, "-m", f"flows.{job}"]
    cost = measure(argv, log, os.environ | {"PYTHONPATH": str(ROOT)})
    prefect_cpu_s = _prefect_cpu_s(project) - before
    rows = 0 if cost.status else read_table(project.table(_WRITTEN[job])).num_rows
    if rows != calls:
        said = log.read_text(encoding="utf-8", errors="replace")[-2000:]
        raise RuntimeError(f"{job} wrote {rows} rows of {calls}: {said}")
    return {"job": job, "calls": calls, "load": load, "process": asdict(cost),
            "prefect_cpu_s": prefect_cpu_s}  # fmt: skip


def _write_params(project: Project, base_url: str) -> None:
    params = {
        "sample": {"sources": [{"name": "bench", "path": "none"}]},
        "generate": generate_params(base_url).model_dump(mode="json"),
        "judge": {"judges": [judge_spec(base_url).model_dump(mode="json")]},
    }
    project.params.write_text(yaml.safe_dump(params), encoding="utf-8")
    (project.root / "dvc.yaml").write_text("stages: {}\n", encoding="utf-8")


def _write_prompts(project: Project, calls: int) -> None:
    """What `generate` reads."""
    lines = project.root / "prompts.jsonl"
    write_prompts(lines, calls)
    rows = [asdict(prompt_of(row["prompt_id"], row["prompt"])) for row in _rows(lines)]
    write_table(project.table("prompts"), table_from_rows(rows, PROMPTS), PROMPTS)


def _write_pairs(project: Project, calls: int) -> None:
    """What `judge` reads: two responses to each prompt."""
    lines = project.root / "pairs.jsonl"
    write_pairs(lines, calls // 2)
    prompts, responses = [], []
    for row in _rows(lines):
        prompts.append(asdict(prompt_of(row["pair_id"], row["prompt"])))
        responses += [_response(row, side) for side in ("first", "second")]
    write_table(project.table("prompts"), table_from_rows(prompts, PROMPTS), PROMPTS)
    write_table(project.table("responses"), table_from_rows(responses, RESPONSES), RESPONSES)


_WRITERS = {"generate": _write_prompts, "judge": _write_pairs}


def _response(row: dict[str, str], side: str) -> dict[str, Any]:
    return {
        "response_id": f"{row['pair_id']}-{side}",
        "prompt_id": row["pair_id"],
        "model": "bench",
        "sample_index": 0,
        "text": row[side],
        "finish_reason": "stop",
        "origin": "imported",
    }


def _rows(lines: Path) -> Iterator[dict[str, str]]:
    with lines.open(encoding="utf-8") as file:
        yield from map(json.loads, file)


def _prefect_cpu_s(project: Project) -> float:
    """CPU time so far of the processes of the project's Prefect server."""
    home = str(project.prefect_home)
    hosts = [one for one in psutil.process_iter(["cmdline"]) if home in (one.info["cmdline"] or ())]
    family = {process for host in hosts for process in (host, *host.children(recursive=True))}
    times = [process.cpu_times() for process in family]
    return sum(time.user + time.system for time in times)


if __name__ == "__main__":
    main()
