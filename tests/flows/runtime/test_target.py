"""Draws until a target is reached: `examples/exact-target`, its stages as processes."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import orjson
import pytest

from flows.runtime import dvc
from flows.runtime.target import reach_target
from prefline.config import read_params
from prefline.config.environment import RUN
from prefline.project import Project
from prefline.simulator import SimulatedServer
from prefline.tables import read_table
from tests.flows.projects import ROOT, make_project
from tests.flows.stages import finish

EXAMPLE = ROOT / "examples" / "exact-target" / "params.yaml"
CATEGORIES = ("arithmetic", "facts", "advice")


@pytest.mark.timeout(240)
def test_prompts_are_drawn_until_enough_preferences_pass(
    provider: SimulatedServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    root = make_project(tmp_path / "project", provider.base_url)
    bundled = (ROOT / "data/bundled/prompts.jsonl").read_bytes().splitlines(keepends=True)
    # Of one category that no preference is wanted of, too.
    some = [line for line in bundled if orjson.loads(line)["category"] in CATEGORIES]
    (root / "data/bundled/prompts.jsonl").write_bytes(b"".join(some))
    path = root / "params.yaml"
    path.write_text(EXAMPLE.read_text().replace("http://127.0.0.1:8900/v1", provider.base_url))
    sizes = []

    def repro(root: Path, *stages: str) -> None:
        assert stages == ("pair",)
        sizes.append(read_params(root / "params.yaml").sample.size)
        for stage in ("sample", "generate", "judge", "pair"):
            finish(root, stage)

    monkeypatch.setattr(dvc, "reproduce", repro)
    monkeypatch.setenv(RUN, "")  # set again afterwards
    project = Project(root)
    target = read_params(path).sample.until
    assert target is not None

    reach_target(project, target)

    prompts = read_table(project.table("prompts")).num_rows
    passed = Counter(read_table(project.table("preferences"))["category"].to_pylist())
    assert 1 < len(sizes) <= 6, sizes
    assert sizes == sorted(set(sizes))
    assert prompts == sizes[-1] == read_params(path).sample.size
    assert passed["arithmetic"] >= 36
    assert passed["facts"] >= 24
    assert passed.total() <= 75
    assert "the target is reached" in capsys.readouterr().out
