from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from prefline.cli import main
from prefline.cli.app import app
from tests.prefline.audit.tables import row, write

RUN = CliRunner()
ROWS = [
    row("1", "first", gold="first", category="maths", first_model="x", second_model="y"),
    row("2", "tie", gold="second", category="maths", first_model="y", second_model="x"),
    row("1", "first", gold="first", first_model="x", second_model="y") | {"judge": "x"},
]


def test_audit_needs_no_project_and_tells_judges_models_and_agreement(tmp_path: Path) -> None:
    done = RUN.invoke(app, ["audit", str(write(tmp_path / "v.csv", ROWS)), "--json"])
    found = json.loads(done.stdout)

    assert done.exit_code == 0
    assert found["judges"]["j"]["by_category"]["maths"]["accuracy_per_order"]["value"] == 0.5
    assert found["models"]["x"]["win_rate"]["value"] == 0.75
    assert "j|x" in found["agreement"]
    assert "self_preference" in found["judges"]["x"]


def test_audit_tells_a_person_the_same(tmp_path: Path) -> None:
    done = RUN.invoke(app, ["audit", str(write(tmp_path / "v.jsonl", ROWS))])

    assert "v.jsonl: 3 verdicts on 2 pairs" in done.stdout
    assert "accuracy_both_orders            0.500 [" in done.stdout
    assert "Krippendorff alpha of all" in done.stdout


@pytest.mark.parametrize("given", ["j", "gone=x", "j=gone"])
def test_a_judge_that_is_said_to_be_no_model_of_the_table_is_an_error(
    given: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    table = str(write(tmp_path / "v.csv", ROWS))
    monkeypatch.setattr("sys.argv", ["prefline", "audit", table, "--judge-model", given])
    with pytest.raises(SystemExit, match="2"):
        main()

    assert "remedy: " in capsys.readouterr().err
