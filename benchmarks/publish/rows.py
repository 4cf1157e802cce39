"""`python -m benchmarks.publish.rows`: how long publishing preferences takes, and what it takes up.

Each measurement is a process of its own on one project in a temporary folder: a first version, the
same again (nothing has changed), and all five formats. `--rows` is 1,000,000 unless given.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import yaml

from benchmarks.publish.planted import write_preferences
from benchmarks.report import write_results
from prefline.config import read_params
from prefline.project import Project
from prefline.storage.opening import project_store
from prefline.tables import (
    JUDGMENTS,
    PROMPTS,
    REJECTIONS,
    RESPONSES,
    iter_batches,
    part_hashes,
    table_from_rows,
    write_table,
)
from prefline.tables.metrics import write_metrics
from tasks.publish import pass_gate, publish_version, read_inputs

_ROWS = 1_000_000
_ALL = ["kto", "ranked", "reward_soft", "sft"]
_ENDPOINT = {"base_url": "http://models/v1", "model": "model-a"}
_JUDGES = ("judge-a", "judge-b")


def main() -> None:
    """Measure in three processes, and print a line of JSON for each."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--rows", type=int, default=_ROWS)
    asked.add_argument("--once", type=Path, help="publish the project in this folder, measured")
    found = asked.parse_args()
    if found.once:
        print(json.dumps(_publish(Project(found.once))))
        return
    runs: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="bench-publish-") as folder:
        project = _project(Path(folder), found.rows)
        for what, formats in (("first", []), ("no change", []), ("five formats", _ALL)):
            _set_formats(project, formats)
            runs.append({"what": what} | _measured(project))
            print(json.dumps(runs[-1]), flush=True)
    if found.rows == _ROWS:
        write_results("benchmarks.publish.rows", "A million preferences, published", _table(runs))


def _table(runs: list[dict[str, Any]]) -> str:
    lines = [
        f"The stage `publish`, without Prefect, of {_ROWS:,} preferences (messages of 200 to 600 "
        "characters) to a folder.\n",
        "| run | wall s | CPU s | peak MB | new version | files | MB |",
        "| --- | ---: | ---: | ---: | --- | ---: | ---: |",
    ]
    lines += [
        f"| {run['what']} | {run['wall_s']:.1f} | {run['cpu_s']:.1f} | {run['peak_mib']} "
        f"| {'yes' if run['created'] else 'no'} | {run['files']} | {run['mib']} |"
        for run in runs
    ]
    return "\n".join(lines)


def _measured(project: Project) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.publish.rows", "--once", str(project.root)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _publish(project: Project) -> dict[str, Any]:
    """What the stage does but for Prefect; seconds, and MiB of memory at the most."""
    start = time.perf_counter()
    before = _cpu_s()
    made = read_inputs(project, read_params(project.params))
    forced = pass_gate(made.validation, made.files, None)
    release = publish_version(project_store(project, made.params.publish), made, forced)
    return {
        "wall_s": round(time.perf_counter() - start, 2),
        "cpu_s": round(_cpu_s() - before, 2),
        "peak_mib": _peak_mib(),
        "created": release.created,
        "files": len(release.manifest.files),
        "mib": sum(file.bytes for file in release.manifest.files) >> 20,
    }


def _peak_mib() -> int:
    """Not `ru_maxrss`, which a process inherits from the one that started it."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    line = next(splitline for splitline in status.splitlines() if splitline.startswith("VmHWM"))
    return int(line.split()[1]) // 1024


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _project(root: Path, rows: int) -> Project:
    """A project with that many preferences, and the tables that came before them."""
    project = Project(root)
    (root / "dvc.yaml").write_text("stages: {}\n", encoding="utf-8")
    write_preferences(project.table("preferences"), rows)
    _write_others(project)
    empty: dict[str, Any] = {"judges": {}, "calibration": {}}
    for stage in ("judge", "pair"):
        write_metrics(project.metrics(stage), empty)
    results = {
        "passed": True, "n_failed": 0, "n_warnings": 0, "expectations": [],
        "files": {"preferences": part_hashes(project.table("preferences"))},
    }  # fmt: skip
    write_metrics(project.table("validation") / "results.json", results)
    return project


def _write_others(project: Project) -> None:
    """Prompts, a response for each id that occurs, and two judgments of each pair."""
    names = ["pair_id", "prompt_id", "chosen_id", "rejected_id"]
    batches = list(iter_batches(project.table("preferences"), columns=names))
    ids = pa.Table.from_batches(batches)
    pairs, prompts, chosen, rejected = (
        np.asarray(ids[name].to_pylist(), dtype=object) for name in names
    )
    prompt_rows = [
        {"prompt_id": one, "messages": [], "source": "s", "category": "c", "license": "MIT"}
        for one in np.unique(prompts)
    ]
    write_table(project.table("prompts"), table_from_rows(prompt_rows, PROMPTS), PROMPTS)
    answers = np.unique(np.concatenate([chosen, rejected]))
    _write(project, "responses", RESPONSES, len(answers), response_id=answers, request_key=answers,
           model=np.full(len(answers), "model-a"))  # fmt: skip
    twice = {name: np.repeat(one, 2) for name, one in
             (("prompt_id", prompts), ("first_id", chosen), ("second_id", rejected))}  # fmt: skip
    keys = np.array([f"{pair}{order}" for pair in pairs for order in "ab"])
    judges = np.tile(np.array(_JUDGES), len(pairs))
    _write(project, "judgments", JUDGMENTS, len(keys), judgment_id=keys, request_key=keys,
           judge=judges, **twice)  # fmt: skip
    write_table(project.table("rejections"), REJECTIONS.empty_table(), REJECTIONS)


def _write(project: Project, name: str, schema: pa.Schema, rows: int, **columns: Any) -> None:
    """A table whose other columns are empty or zero."""
    found = {
        one.name: pa.array(columns[one.name], one.type) if one.name in columns
        else pa.array(np.zeros(rows), pa.float64()).cast(one.type)
        if pa.types.is_primitive(one.type) else pa.array([""] * rows, one.type)
        for one in schema
    }  # fmt: skip
    write_table(project.table(name), pa.table(found), schema)


def _set_formats(project: Project, formats: list[str]) -> None:
    params = {
        "sample": {"sources": [{"name": "s", "path": "s.jsonl"}]},
        "generate": {"endpoints": [_ENDPOINT]},
        "judge": {"judges": [{"name": judge, "method": "verifier"} for judge in _JUDGES]},
        "publish": {"store": "store", "dataset": "demo", "formats": formats},
    }
    project.params.write_text(yaml.safe_dump(params), encoding="utf-8")


if __name__ == "__main__":
    main()
