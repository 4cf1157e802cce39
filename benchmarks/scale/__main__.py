"""What each stage costs by number of prompts, as users run it: `python -m flows.<stage>`.

`python -m benchmarks.scale [--quick] [--sizes N N ...] [--stages STAGE ...]`. Stages with calls ask
a simulator without latency, which is another process of the same machine, at the two smaller sizes;
the others read tables that are planted, and what the stage before wrote. 4 responses, 6 pairs and
24 judgments a prompt.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import yaml

from benchmarks.engine.measure import Cost, measure
from benchmarks.report import write_results
from benchmarks.scale.planted import (
    JUDGES,
    JUDGMENTS_A_PROMPT,
    MODEL,
    RESPONSES_A_PROMPT,
    plant_prompts,
    plant_responses,
    plant_verdicts,
)
from flows.runtime.prefect_server import api_url, leave
from prefline.project import Project
from prefline.simulator import Generator, Judge, Latency, SimulatorConfig, simulated_server
from prefline.simulator.models import EMBEDDER

ROOT = Path(__file__).parents[2]
_IMPORTED, _WAITING = "judge, imported", "judge, 100 ms"
_WITH_CALLS = ("generate", "judge", _WAITING)
_LATER = (_IMPORTED, "pair", "validate", "publish", "train")
_STAGES = (*_WITH_CALLS, *_LATER)
_LATENCY_MS = 100.0
_IDLE_S = 60.0
_LIMIT_S = 6_000.0
_INTRODUCTION = """\
Each stage is a process of its own, with its children, on a Prefect server that is up. CPU and
memory are theirs alone: neither the server's nor the simulator's, which share the machine's {cores}
cores with it, so rates by wall time are lower than on a machine of its own. The load was
{before:.1f} at the start and {after:.1f} at the end: where that is much more than the benchmark's
own 2 to 3, others took the cores meanwhile, and CPU seconds are too many as well (threads that are
interrupted often run on cold caches). 4 responses, 6 pairs and 24 judgments a prompt; slopes are
for each further million of judgments (of responses for `generate`), against the size before.

`judge, 100 ms` asks a simulator that answers each call after 100 ms, 64 calls at once a process, so
that the cores do not limit it: what a second process brings there is what it brings with a
provider that keeps up.
"""
_HEAD = (
    "| stage | prompts | processes | CPU s | peak MB | CPU s a million | MB a million | wall s |\n"
    "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
)


@dataclass(frozen=True)
class Run:
    """One stage at one size."""

    stage: str
    prompts: int
    processes: int
    cost: Cost

    @property
    def millions(self) -> float:
        """Of judgments; of responses for `generate`."""
        each = RESPONSES_A_PROMPT if self.stage == "generate" else JUDGMENTS_A_PROMPT
        return self.prompts * each / 1e6


def main() -> None:
    """Run, and write the results down."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale")
    parser.add_argument("--quick", action="store_true", help="small sizes, not for quoting")
    parser.add_argument("--sizes", type=int, nargs="+", help="prompts; 2,000 8,000 24,000")
    parser.add_argument("--stages", nargs="+", choices=_STAGES, default=_STAGES, metavar="STAGE",
                        help=f"prints, and writes nothing; of: {'; '.join(_STAGES)}")  # fmt: skip
    given = parser.parse_args()
    sizes = given.sizes or ([100, 300] if given.quick else [2_000, 8_000, 24_000])
    stages, load = set(given.stages), os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="bench-scale-") as name:
        project = Project(Path(name))
        with (
            simulated_server(_models()) as simulator,
            simulated_server(_models(_LATENCY_MS)) as slow,
        ):
            api_url(project, idle_s=_IDLE_S)
            try:
                runs = _with_calls(project, simulator.base_url, slow.base_url, sizes[:2], stages)
                if not stages.isdisjoint(_LATER):
                    for size in sizes:
                        runs += _without_calls(project, simulator.base_url, size, stages)
            finally:
                leave(project.prefect_home)
    text = _text(runs, load)
    print(text)
    if not given.quick and stages == set(_STAGES):
        write_results("benchmarks.scale", "Stages by number of prompts", text)


def _with_calls(
    project: Project, url: str, slow_url: str, sizes: Sequence[int], stages: Set[str]
) -> list[Run]:
    """`generate` and `judge` by one and by two processes, with every call made."""
    runs = []
    for stage, at, of_stage in (
        ("generate", url, sizes), ("judge", url, sizes), (_WAITING, slow_url, sizes),
    ):  # fmt: skip
        for prompts, processes in product(of_stage if stage in stages else (), (1, 2)):
            _begin(project, at, prompts, processes)
            if stage != "generate":
                plant_responses(project, prompts)
                judges = [
                    {
                        "name": name,
                        "method": "pairwise",
                        "endpoint": {"base_url": at, "model": name},
                    }
                    for name in JUDGES
                ]
                _set(project, judge={"judges": judges})
            runs.append(_run(project, stage, prompts, processes))
    return runs


def _without_calls(project: Project, url: str, prompts: int, stages: Set[str]) -> list[Run]:
    """The stages from `judge` on, by imported verdicts; those before the last asked for run too."""
    _begin(project, url, prompts, 1)
    plant_responses(project, prompts)
    judges = [
        {"name": name, "method": "imported", "path": str(path)}
        for name, path in plant_verdicts(project, prompts).items()
    ]
    _set(project, judge={"judges": [{"name": "verifier", "method": "verifier"}, *judges]})
    last = max(_LATER.index(stage) for stage in stages & {*_LATER})
    return [_run(project, stage, prompts, 1) for stage in _LATER[: last + 1]]


def _models(latency_ms: float = 0.0) -> SimulatorConfig:
    judges = {name: Judge(accuracy=accuracy) for name, accuracy in JUDGES.items()}
    return SimulatorConfig(
        generators={MODEL: Generator(characters=200)},
        judges=judges,
        latency=Latency(ms=latency_ms),
    )


def _begin(project: Project, url: str, prompts: int, processes: int) -> None:
    """Make the project anew: its prompts, an empty reply store, params."""
    shutil.rmtree(project.root / "data", ignore_errors=True)
    for old in project.replies.parent.glob(f"{project.replies.name}*"):
        old.unlink()
    shutil.copy(ROOT / "dvc.yaml", project.root)
    for name in ("examples", "judges", "principles"):
        shutil.copytree(ROOT / "data" / name, project.root / "data" / name)
    endpoint = {"base_url": url, "model": MODEL}
    params = {
        "sample": {"sources": [{"name": "bench", "path": "none"}]},
        "generate": {"endpoints": [endpoint], "samples_per_prompt": RESPONSES_A_PROMPT},
        "judge": {"judges": [{"name": "verifier", "method": "verifier"}]},
        "pair": {"test_share": 0.1},
        "validate": {"min_preferences": 1},
        "publish": {"store": "store", "dataset": "bench"},
        "train": {"method": "reward_head", "endpoint": {"base_url": url, "model": EMBEDDER}},
        "run": {"shards": processes},
        "shards": {"processes": processes},
    }
    project.params.write_text(yaml.safe_dump(params), encoding="utf-8")
    plant_prompts(project, prompts)


def _set(project: Project, **sections: dict[str, Any]) -> None:
    params = yaml.safe_load(project.params.read_text(encoding="utf-8")) | sections
    project.params.write_text(yaml.safe_dump(params), encoding="utf-8")


def _run(project: Project, stage: str, prompts: int, processes: int) -> Run:
    """Run a stage to its end. Raises `RuntimeError` with its last words if it fails."""
    log = project.root / "log"
    # `env -C` changes the folder and becomes the stage.
    module = f"flows.{stage.partition(',')[0]}"
    argv = ["env", "-C", str(project.root), sys.executable, "-m", module]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    # Where it is set, each process compiles all that it imports.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    cost = measure(argv, log, environment, _LIMIT_S)
    if cost.status:
        raise RuntimeError(f"{stage} failed: {log.read_text('utf-8', 'replace')[-2000:]}")
    print(f"{stage}, {prompts:,} prompts, {processes}: {cost}", flush=True)
    return Run(stage, prompts, processes, cost)


def _text(runs: list[Run], load: float) -> str:
    cores, after = len(os.sched_getaffinity(0)), os.getloadavg()[0]
    lines = [_INTRODUCTION.format(cores=cores, before=load, after=after), _HEAD]
    for run in sorted(runs, key=lambda run: (_STAGES.index(run.stage), run.processes, run.prompts)):
        cpu, memory = _slopes(runs, run)
        lines.append(
            f"| {run.stage} | {run.prompts:,} | {run.processes} | {run.cost.cpu_s:.1f} | "
            f"{run.cost.peak_mb:,.0f} | {cpu} | {memory} | {run.cost.wall_s:.0f} |"
        )
    return "\n".join([*lines, "", *_second_processes(runs)])


def _second_processes(runs: list[Run]) -> Iterator[str]:
    """Yield how many times as fast several processes are, by the wall time of the whole stage."""
    walls = {(run.stage, run.prompts, run.processes): run.cost.wall_s for run in runs}
    for (stage, prompts, processes), wall_s in walls.items():
        if processes > 1:
            times = walls[stage, prompts, 1] / wall_s
            yield f"- {stage}, {prompts:,} prompts: {times:.2f} times as fast by {processes}"


def _slopes(runs: list[Run], run: Run) -> tuple[str, str]:
    """Return CPU seconds and MB for each further million, against the next smaller size."""
    smaller = [
        one
        for one in runs
        if (one.stage, one.processes) == (run.stage, run.processes) and one.prompts < run.prompts
    ]
    if not smaller:
        return "", ""
    before = max(smaller, key=lambda one: one.prompts)
    more = run.millions - before.millions
    cpu = (run.cost.cpu_s - before.cost.cpu_s) / more
    return f"{cpu:,.0f}", f"{(run.cost.peak_mb - before.cost.peak_mb) / more:,.0f}"


if __name__ == "__main__":
    main()
