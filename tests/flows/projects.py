"""Small projects to run flows in."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import yaml

from flows.runtime.dvc import environment as python_first
from flows.runtime.fork_client import FORK_SERVER
from prefline.config import read_params
from prefline.config.environment import RUN
from prefline.simulator.models import EMBEDDER
from prefline.tables.prompts import write_prompts
from tasks.sample import sample_prompts
from tests.forked import command, fork_server, run_python

ROOT = Path(__file__).parents[2]
ALL_STAGES = """
import importlib
from prefect.settings import PREFECT_API_URL, temporary_settings
import os
from tasks.validate import preferences, run
run.SUITES = (preferences.SUITE,)
with temporary_settings({{PREFECT_API_URL: os.environ["PREFECT_API_URL"]}}):
    for stage in {stages}:
        getattr(importlib.import_module("flows." + stage), stage)()
"""


def make_project(folder: Path, url: str, **changes: Any) -> Path:
    """A project with the code of this one, a dozen prompts, and simulated models at `url`.

    `changes` go into `params.yaml`, by section.
    """
    folder.mkdir(parents=True, exist_ok=True)
    ignore = shutil.ignore_patterns("__pycache__")
    for name in ("flows", "tasks", "prefline"):
        shutil.copytree(ROOT / name, folder / name, ignore=ignore)
    for name in ("dvc.yaml", ".dvcignore"):
        shutil.copy(ROOT / name, folder / name)
    shutil.copytree(ROOT / ".dvc", folder / ".dvc", ignore=shutil.ignore_patterns("cache", "tmp"))
    (folder / "data" / "bundled").mkdir(parents=True)
    for name in ("examples", "imported", "judges", "principles", "reviews"):
        shutil.copytree(ROOT / "data" / name, folder / "data" / name)
    rows = [
        {"prompt": f"Say something, number {n}.", "category": "words", "verifier": _odd(n)}
        for n in range(12)
    ] + [
        {"prompt": f"Say what nobody sees, {n}.", "template": "unseen", "verifier": _odd(n)}
        for n in range(4)
    ]
    lines = "\n".join(json.dumps(row) for row in rows)
    (folder / "data" / "bundled" / "prompts.jsonl").write_text(lines)
    params = _params(url)
    for section, values in changes.items():
        params[section] = params.get(section, {}) | values
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    return folder


def with_prompts(project: Path) -> Path:
    """The project with what its stage `sample` would write, made without running it."""
    params = read_params(project / "params.yaml").sample
    for table, prompts in zip(
        ("prompts", "held_out"), sample_prompts(params, project), strict=True
    ):
        write_prompts(project / "data" / table, prompts)
    return project


def _odd(number: int) -> dict[str, Any]:
    """A check that about half of the simulated texts pass: a letter that they may have."""
    return {"kind": "regex", "pattern": "wis" if number % 2 else "hem", "full": False}


def _params(url: str) -> dict[str, Any]:
    endpoint = {"base_url": url, "model": "sim-strong"}
    judge = {"base_url": url, "model": "sim-judge"}
    return {
        "sample": {
            "sources": [{"name": "tests", "path": "data/bundled/prompts.jsonl"}],
            "hold_out": {"templates": ["unseen"]},
        },
        "generate": {"endpoints": [endpoint], "samples_per_prompt": 4, "max_tokens": 400},
        "judge": {
            "judges": [
                {"name": "verifier", "method": "verifier"},
                {"name": "sim", "method": "pairwise", "endpoint": judge},
            ]
        },
        "train": {
            "method": "reward_head",
            "endpoint": {"base_url": url, "model": EMBEDDER},
        },
        "evaluate": {"policy": {"endpoint": endpoint, "max_tokens": 400}},
        "pair": {"test_share": 0.3},
        "validate": {"min_preferences": 5},
        "publish": {"store": "store", "dataset": "demo"},
        "engine": {"max_tries": 2, "max_back_off_s": 0.05, "timeout_s": 10},
    }


def run_module(
    project: Path, module: str, *, api: str | None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """`python -m <module>` in the project, on the Prefect server at `api`."""
    return run_python("-m", module, cwd=project, env=_environment(api) | environment)


def run_dvc(
    project: Path, *arguments: str, api: str, forks: bool = True
) -> subprocess.CompletedProcess[str]:
    """`dvc <arguments>`, and whatever processes it starts; it and its stages as forks, or each a
    process that imports all that it needs."""
    run = {RUN: uuid.uuid4().hex, FORK_SERVER: fork_server()} if forks else {}
    dvc = ("-m", "dvc", *arguments)
    return subprocess.run(
        command(*dvc) if forks else [sys.executable, *dvc],
        cwd=project, capture_output=True, text=True, env=_environment(api) | run, check=False,
    )  # fmt: skip


def _environment(api: str | None) -> dict[str, str]:
    """As in an active environment: the stages' `python` is this one."""
    return python_first() | ({"PREFECT_API_URL": api} if api else {})


def run_all_stages(project: Path, api: str) -> subprocess.CompletedProcess[str]:
    """Every stage in one process, without DVC; of the suites of `validate` one."""
    stages = list(yaml.safe_load((project / "dvc.yaml").read_text())["stages"])
    return run_python(
        "-c", ALL_STAGES.format(stages=stages), cwd=project,
        env=os.environ | {"PREFECT_API_URL": api},
    )  # fmt: skip
