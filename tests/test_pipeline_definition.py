"""What must hold across `dvc.yaml`, `params.yaml`, `flows/`, `tasks/` and `data/`."""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import Any

import grimp
import pytest
import yaml

from prefline.config.stages import STAGES as KNOWN

ROOT = Path(__file__).parents[1]
DVC = yaml.safe_load((ROOT / "dvc.yaml").read_text())
STAGES: dict[str, Any] = DVC["stages"]

# Code that a stage runs and that cannot change a row: how a run is hosted, shown and stopped.
# Everything else that a stage imports must be among its dependencies.
NO_ROWS = (
    "flows.runtime",
    "prefline.atomic",
    "prefline.config",  # the section itself is a dependency, as `params`
    "prefline.errors",
    "prefline.lazy",
    "prefline.llm.progress",
    "prefline.project",
    "prefline.tables.metrics",
    "prefline.text",
)

PLUGIN = re.compile(r'"(prefline\.[\w.]+):\w+"')  # as a table of built-in plug-ins names it


@functools.cache
def imports() -> grimp.ImportGraph:
    return grimp.build_graph("flows", "tasks", "prefline", cache_dir=None)


def file_of(module: str) -> Path:
    path = ROOT / Path(*module.split("."))
    package = path / "__init__.py"
    return package if package.is_file() else path.with_suffix(".py")


def code_of(stage: str) -> set[Path]:
    """The files whose code can change what a stage writes.

    All of a stage's own package counts, since its plug-ins are named by strings, and so do the
    plug-ins that a module which it imports names.
    """
    package = imports().find_descendants(f"tasks.{stage}")
    found, to_visit = set(), [f"flows.{stage}", *package]
    while to_visit:
        module = to_visit.pop()
        if module in found or any(f"{module}.".startswith(f"{no}.") for no in NO_ROWS):
            continue
        found.add(module)
        to_visit += imports().find_modules_directly_imported_by(module)
        to_visit += PLUGIN.findall(file_of(module).read_text(encoding="utf-8"))
    files = {file_of(module) for module in found}
    return {path for path in files if path.stat().st_size and path != ROOT / "tasks/__init__.py"}


@pytest.mark.parametrize("stage", STAGES)
def test_no_code_that_a_stage_depends_on_is_forgotten(stage: str) -> None:
    declared = [ROOT / path for path in STAGES[stage]["deps"]]
    forgotten = [
        str(path.relative_to(ROOT))
        for path in sorted(code_of(stage))
        if not any(path.is_relative_to(dep) for dep in declared)
    ]

    assert not forgotten, f"add to the deps of {stage} in dvc.yaml"


@pytest.mark.parametrize("stage", STAGES)
def test_no_stage_depends_on_code_that_it_does_not_run(stage: str) -> None:
    code = code_of(stage)
    idle = [
        path
        for path in STAGES[stage]["deps"]
        if not path.startswith("data/")
        and not any(file.is_relative_to(ROOT / path) for file in code)
    ]

    assert not idle, f"drop from the deps of {stage} in dvc.yaml"


@pytest.mark.parametrize("stage", STAGES)
def test_one_word_names_a_stage_everywhere(stage: str) -> None:
    assert (ROOT / "flows" / f"{stage}.py").is_file()
    assert (ROOT / "tasks" / f"{stage}.py").is_file() or (ROOT / "tasks" / stage).is_dir()
    assert stage in yaml.safe_load((ROOT / "params.yaml").read_text())
    assert STAGES[stage]["cmd"] == f"python -m flows.{stage}"


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_its_own_section_of_params_only(stage: str) -> None:
    assert STAGES[stage]["params"] == [stage]


@pytest.mark.parametrize(
    "params", sorted(ROOT.glob("examples/*/params.yaml")), ids=lambda path: path.parent.name
)
def test_the_params_of_an_example_have_a_section_for_each_stage(params: Path) -> None:
    """DVC refuses to run a stage without one."""
    assert set(STAGES) <= set(yaml.safe_load(params.read_text()))


def test_the_stages_are_known_in_their_order() -> None:
    assert tuple(STAGES) == KNOWN


def test_every_module_of_tasks_belongs_to_a_stage() -> None:
    modules = {path.stem for path in (ROOT / "tasks").iterdir() if not path.name.startswith("__")}

    # Rounds of self-improvement run all stages again and again; `flows/improve.py` drives them.
    assert modules == {*STAGES, "improve"}


def test_a_stage_reads_only_what_an_earlier_one_writes() -> None:
    there = {
        f"data/{name}"
        for name in ("bundled", "examples", "imported", "judges", "principles", "reviews")
    }
    for stage in STAGES.values():
        reads = [path for path in stage["deps"] if path.startswith("data/")]
        for path in reads:
            assert any(path == out or path.startswith(f"{out}/") for out in there), path
        made = [*stage["outs"], *stage.get("metrics", [])]
        there |= {next(iter(one)) if isinstance(one, dict) else one for one in made}
