"""An old version labelled again, from DVC's cache."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from prefline.cli.app import app
from prefline.cli.relabel import with_changes
from prefline.config import read_params
from prefline.errors import InputError, ParamsError
from prefline.ids import pair_id
from prefline.project import Project
from tasks.pair import label_pairs, open_pairs, write_labels, write_preferences
from tests.prefline.cli.test_trace_version import keep, lock
from tests.prefline.labeling.judgments import judgment
from tests.prefline.report.projects import save
from tests.tasks.publish.published import project_at, publish, set_params, validated

PROMPTS = 60


def _pair(at: int) -> tuple[str, str]:
    return f"{at:04d}a", f"{at:04d}b"


def _judgments() -> list[dict[str, Any]]:
    """`good` names the lower id, `bad` names the upper one where the number is odd, surer."""
    rows = []
    for at in range(PROMPTS):
        a, b = _pair(at)
        for judge, toward in (("good", 0.8), ("bad", 0.93 if at % 2 else 0.1)):
            p = toward if judge == "good" else 1 - toward
            for first, second, p_first in ((a, b, p), (b, a, 1 - p)):
                verdict = "first" if p_first > 0.5 else "second"
                row = judgment(first, second, verdict, judge=judge, p_first=p_first,
                               prompt=f"p{at:04d}")  # fmt: skip
                rows.append(row | {"judgment_id": f"{judge}{first}{second}"})
    return rows


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose version 1 is of tables that DVC keeps and the workspace has no longer."""
    project = project_at(tmp_path_factory.mktemp("relabel"))
    set_params(project, pair={"min_p_chosen": 0.55, "review": {"random_share": 0.5}})
    asked = [{"role": "user", "content": "Why?"}]
    prompts = [
        {"prompt_id": f"p{at:04d}", "messages": asked, "source": "s", "license": "CC0-1.0",
         "category": "odd" if at % 2 else "even"}
        for at in range(PROMPTS)
    ]  # fmt: skip
    responses = [
        {"response_id": name, "prompt_id": f"p{at:04d}", "model": "m", "sample_index": n,
         "text": f"Answer {name}", "finish_reason": "stop", "origin": "sampled"}
        for at in range(PROMPTS) for n, name in enumerate(_pair(at))
    ]  # fmt: skip
    judgments, measured = _judgments(), project.metrics("judge").read_bytes()
    for name, rows in (("prompts", prompts), ("responses", responses), ("judgments", judgments)):
        save(project, name, rows)
    project.metrics("judge").write_bytes(measured)
    params = read_params(project.params).pair
    sources = (project.table(name) for name in ("judgments", "responses", "prompts"))
    with open_pairs(*sources) as tables:
        write_labels(tables, label_pairs(tables, params).final, params)
        write_preferences(tables, project.table("preferences"))
    validated(project)
    hashes = keep(project)
    lock(project, hashes)
    publish(project)
    for name in ("judgments", "responses", "prompts"):
        save(project, name, [])
    lock(project, {})
    return project


@pytest.fixture
def project(made: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("PREFLINE_CACHE", str(tmp_path / "cache"))
    shutil.copytree(made.root, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    return Project(tmp_path / "project")


def run(*arguments: str) -> dict[str, Any]:
    done = CliRunner().invoke(app, ["relabel", "store/demo@1", *arguments, "--json"])
    assert done.exit_code == 0, (done.output, done.exception)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_under_the_same_params_nothing_is_otherwise(project: Project) -> None:
    found = run()

    assert found["pairs"] == PROMPTS
    for how in ("by_the_change", "against_the_version"):
        assert (found[how]["flipped"]["count"], found[how]["added"]["count"]) == (0, 0)
        assert found[how]["removed"]["count"] == 0
        assert found[how]["p_change"]["value"] == 0


def test_without_a_judge_its_labels_flip_and_the_share_has_an_interval(project: Project) -> None:
    found = run("--without", "bad")["by_the_change"]
    flipped = found["flipped"]

    assert flipped["count"] == PROMPTS // 2
    assert flipped["low"] < flipped["value"] == flipped["count"] / found["both"] < flipped["high"]
    assert found["by_category"]["even"]["count"] == 0
    assert {row["category"] for row in found["flips"]} == {"odd"}
    assert all(row["chosen_after"].endswith("a") for row in found["flips"])


def test_a_threshold_removes_labels_and_leaves_the_project_as_it_is(project: Project) -> None:
    before = sorted((path, path.stat().st_mtime) for path in project.root.rglob("*.parquet"))
    found = run("--set", "pair.min_p_chosen=0.9999")["by_the_change"]

    assert found["removed"]["count"] == found["before"] - found["after"] > 0
    assert found["added"]["count"] == 0
    assert before == sorted(
        (path, path.stat().st_mtime) for path in project.root.rglob("*.parquet")
    )


@pytest.mark.usefixtures("project")
def test_a_misspelt_key_is_told_with_the_nearest_one() -> None:
    done = CliRunner().invoke(app, ["relabel", "store/demo@1", "--set", "pair.min_pchosen=0.8"])

    assert isinstance(done.exception, ParamsError)
    assert "pair.min_pchosen: unknown key; did you mean 'min_p_chosen'?" in done.exception.problem


def test_people_who_answered_since_change_labels_and_measure_them(
    project: Project, tmp_path: Path
) -> None:
    answers = [
        {"pair_id": pair_id(a, b), "reviewer": "ann", "preferred_id": a, "other_id": b}
        for a, b in map(_pair, range(PROMPTS // 2))
    ]
    (tmp_path / "new").mkdir()
    text = "".join(json.dumps(answer) + "\n" for answer in answers)
    (tmp_path / "new" / "ann.jsonl").write_text(text)
    found = run("--reviews", str(tmp_path / "new"), "--out", str(tmp_path / "labels.parquet"))
    written = pq.read_table(tmp_path / "labels.parquet").to_pylist()

    assert found["answers"] == PROMPTS // 2
    assert found["against_the_version"]["flipped"]["count"] >= PROMPTS // 4
    assert found["by_the_change"]["flipped"]["count"] == 0
    assert found["people_agree"]["after"]["n"] > 0
    assert len(written) == found["against_the_version"]["after"]
    assert {row["label_source"] for row in written} >= {"human"}


def test_the_text_tells_flips_with_intervals(project: Project) -> None:
    done = CliRunner().invoke(app, ["relabel", "store/demo@1", "--without", "bad"])

    assert "labelled again: without bad" in done.stdout
    assert "by the change alone:" in done.stdout
    assert "flipped 30 (" in done.stdout
    assert "flip " in done.stdout


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        (["--set", "judge.seed=1"], ParamsError, "is not pair.KEY=VALUE"),
        (["--set", "pair.min_p_chosen"], ParamsError, "is not pair.KEY=VALUE"),
        (["--set", "pair.min_p_chosen=[0"], ParamsError, "pair.min_p_chosen"),
        (["--set", "pair.min_p_chosen=2"], ParamsError, "pair.min_p_chosen"),
        (["--set", "pair.min_p=0.7"], ParamsError, "pair.min_p"),
        (["--set", "pair.seed.x=1"], ParamsError, "seed has no keys"),
        (["--without", "nobody"], InputError, "no judgment is by that judge"),
        (["--reviews", "nowhere"], InputError, "is no folder"),
        (["--out", "labels.csv"], InputError, "does not end in .parquet"),
    ],
)
def test_what_cannot_be_is_said(
    project: Project, arguments: list[str], error: type[Exception], says: str
) -> None:
    done = CliRunner().invoke(app, ["relabel", "store/demo@1", *arguments])

    assert isinstance(done.exception, error)
    assert says in str(done.exception)


def test_tables_that_are_not_here_are_named_with_what_to_do(project: Project) -> None:
    shutil.rmtree(project.root / ".dvc" / "cache")
    done = CliRunner().invoke(app, ["relabel", "store/demo@1"])

    assert isinstance(done.exception, InputError)
    assert "data/judgments as it was then" in str(done.exception)
    assert "dvc fetch" in str(done.exception)


def test_settings_are_read_as_yaml_and_leave_the_others() -> None:
    section = {"min_p_chosen": 0.6, "review": {"size": 5}}
    changed = with_changes(section, ["pair.review.size=9", "pair.prior_accuracy={a: 1}"])

    assert changed == {
        "min_p_chosen": 0.6, "review": {"size": 9}, "prior_accuracy": {"a": 1},
    }  # fmt: skip
    assert section["review"] == {"size": 5}
