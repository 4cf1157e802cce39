"""The summary at a run's end."""

from __future__ import annotations

from pathlib import Path

import pytest

from prefline.project import Project
from prefline.report import print_summary, read_facts
from tests.prefline.labeling.test_version_warrant import anchor
from tests.prefline.report.projects import empty_project, figure, save, set_accuracy


def test_it_says_version_examples_quality_and_next_commands(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    set_accuracy(project, figure(0.6, 0.7, 0.8))
    print_summary(project)
    said = capsys.readouterr().out
    assert "store/demo@3" in said
    assert "in store/demo/versions/000003" in said
    assert said.count("verifier;") == 5
    assert "big is better than chance: right on 70% [60%, 80%] of 40 checked pairs" in said
    assert "big prefers what it sees first in 100% of verdicts" in said
    assert "12 of 12 on programmatic checks (verifier)" in said
    assert f"prefline trace {read_facts(project).examples[0].pair_id}" in said
    assert "prefline show store/demo@3" in said
    assert "open report.html" in said


def test_it_says_what_people_found_the_labels_to_be_worth(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [anchor(at, 0.9, label_source="verifier", category="<i>odd\x1b</i>") for at in range(30)]
    save(project, "anchors", rows)
    print_summary(project)
    said = " ".join(capsys.readouterr().out.split())

    assert "people agree with 100% [88%, 100%] of 30 pairs drawn at random" in said
    assert "p_chosen from 0.9 on 100% [88%, 100%] of 30" in said
    assert "train? yes: All 12 labels are warranted" in said
    assert "\x1b" not in said


def test_a_long_store_leaves_room_before_what_the_command_is_for(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    store = "s3://bucket/teams/preferences"
    project.release.write_text(f'{{"dataset": "demo", "version": 3, "store": "{store}"}}')
    print_summary(project)

    assert f"prefline show {store}/demo@3  the version's card" in capsys.readouterr().out


def test_text_of_models_neither_styles_nor_moves_the_terminal(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    print_summary(project)
    said = capsys.readouterr().out
    assert "\x1b" not in said
    assert "[bold]markup" in said


def test_nothing_made_yet_is_said_plainly(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    print_summary(empty_project(tmp_path))
    said = capsys.readouterr().out
    assert "Not published yet" in said
    assert "There are no preferences to show." in said
    assert "no model judge took part" in said


def test_an_unmeasured_judge_is_called_so(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    set_accuracy(project, {"value": None, "low": None, "high": None, "n": 0})
    print_summary(project)
    said = " ".join(capsys.readouterr().out.split())
    assert "big could not be measured: neither a check nor people told the truth of a pair" in said


def test_what_was_learnt_is_said_after_the_labels(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = project.table("evaluation")
    folder.mkdir()
    (folder / "metrics.json").write_text('{"model": "demo-3-reward_head-1", "kind": "reward_head"}')
    (folder / "summary.txt").write_text("right on 61 % of 96 pairs\npicking passes 38 %\n")
    print_summary(project)

    said = capsys.readouterr().out
    assert "Learnt from it: demo-3-reward_head-1" in said
    assert said.index("right on 61 % of 96 pairs") < said.index("picking passes 38 %")
