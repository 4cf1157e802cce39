"""Shards on a Ray cluster: the tables are the same, byte for byte."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import Any
from unittest.mock import patch

import orjson
import pytest
import yaml

from flows.runtime.executor import spread_over
from flows.sample import sample_tables
from prefline.config import ShardParams, read_params
from prefline.errors import InputError
from prefline.project import Project
from tasks.sample import shards as sample_shards

WORDS = ("red", "green", "blue", "old", "new", "mail a@b.org", "lamp", "river")
PARAMS: dict[str, Any] = {
    "sample": {
        "sources": [{"name": "s", "path": "p.jsonl"}], "size": 100, "hold_out": {"share": 0.1},
        "filters": {
            "near_duplicates": {"threshold": 0.7, "words": 1}, "personal": "redact",
            "words": "data/imported/words/ours.txt",
        },
    },
    "generate": {"endpoints": [{"model": "m", "base_url": "http://127.0.0.1:9/v1"}]},
    "judge": {"judges": [{"name": "verifier", "method": "verifier"}]},
}  # fmt: skip


def tables(folder: Path, shards: ShardParams) -> dict[str, str]:
    """The hashes of what the stage `sample` writes."""
    folder.mkdir()
    (folder / "data/imported/words").mkdir(parents=True)
    (folder / "data/imported/words/ours.txt").write_text("lamp\n")
    said = [" ".join(WORDS[(n * step) % 8] for step in (1, 3, 5, n % 7)) for n in range(800)]
    rows = [{"prompt": f"{text} {n % 701}"} for n, text in enumerate(said)]
    (folder / "p.jsonl").write_bytes(b"\n".join(map(orjson.dumps, rows)))
    (folder / "params.yaml").write_text(yaml.safe_dump(PARAMS))
    project = Project(folder)
    params = read_params(project.params).sample
    with (
        patch.object(sample_shards, "_FILTER_SHARD", 160),
        patch.object(sample_shards, "_INDEX_SHARD", 20_000),
        spread_over(shards) as spread,
    ):
        found = sample_tables(params, project, None, spread)
    assert len(found.drawn) == 100
    assert set(found.rejected) >= {"near_duplicate", "listed_word"}
    files = sorted((folder / "data").rglob("*.parquet"))
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in files
    }


def test_processes_make_the_same_tables(tmp_path: Path) -> None:
    one = tables(tmp_path / "one", ShardParams(processes=1))

    assert len(one) == 4
    assert tables(tmp_path / "two", ShardParams(processes=2)) == one


@pytest.mark.ray
@pytest.mark.timeout(300)
@pytest.mark.filterwarnings("default")
def test_ray_makes_the_same_tables(tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="needs the extra `ray`")
    one = tables(tmp_path / "one", ShardParams(processes=1))

    assert tables(tmp_path / "ray", ShardParams(ray="local")) == one


def test_ray_that_is_not_installed_is_an_error_with_its_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "prefect_ray", None)
    with (
        pytest.raises(InputError, match=r"Ray is not installed"),
        spread_over(ShardParams(ray="local")),
    ):
        pass


@pytest.mark.ray
@pytest.mark.filterwarnings("default")
def test_a_cluster_that_does_not_answer_is_an_error_with_its_remedy() -> None:
    pytest.importorskip("ray", reason="needs the extra `ray`")
    with (
        pytest.raises(InputError, match=r"127\.0\.0\.1:9"),
        spread_over(ShardParams(ray="ray://127.0.0.1:9")),
    ):
        pass
