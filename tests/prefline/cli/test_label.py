from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from prefline.cli import main
from prefline.cli.app import app
from tests.prefline.audit.tables import write
from tests.prefline.labeling.juries import jury

RUN = CliRunner()
ROWS, _ = jury({"good": 0.9, "weak": 0.6}, n=40, told=20)


def written(folder: Path, rows: list[dict[str, Any]], name: str = "v.csv") -> str:
    return str(write(folder / name, rows))


@pytest.mark.parametrize("name", ["v.csv", "v.jsonl", "v.parquet"])
def test_every_pair_gets_one_row_with_its_label(name: str, tmp_path: Path) -> None:
    out = tmp_path / "made" / "labels.parquet"
    done = RUN.invoke(app, ["label", written(tmp_path, ROWS, name), "--out", str(out), "--json"])
    report, labels = json.loads(done.stdout), pq.read_table(out).to_pylist()

    assert done.exit_code == 0
    assert [row["pair_id"] for row in labels] == [row["pair_id"] for row in ROWS[:40]]
    for label, row in zip(labels, ROWS, strict=False):
        assert {key: label[key] for key in ("prompt_id", "first_id", "second_id")} == {
            key: row[key] for key in ("prompt_id", "first_id", "second_id")
        }
        assert label["preferred_id"] in (row["first_id"], row["second_id"])
        assert 0.5 <= label["p_preferred"] < 1
        assert label["anchored"] is True
        told = {"first": row["first_id"], "second": row["second_id"], None: None}
        assert label["told_id"] == told[row["gold"]]
    assert report["anchors"] == 20
    assert report["judges"]["good"]["weight"] > report["judges"]["weak"]["weight"]
    assert report["judges"]["good"]["accuracy"]["n"] == 20


def test_a_person_is_told_what_p_means_and_the_remedy(tmp_path: Path) -> None:
    rows = [{key: row[key] for key in row if key != "gold"} for row in ROWS]
    out = str(tmp_path / "labels.parquet")
    done = RUN.invoke(app, ["label", written(tmp_path, rows), "--out", out])

    assert "v.csv: 40 pairs, 0 of known truth, 0 labels anchored" in done.stdout
    assert "p is agreement, not accuracy: the truth of no pair was told" in done.stdout
    assert "remedy: check 10 more pairs, drawn at random, by hand" in done.stdout
    assert "good" in done.stdout


def test_labels_are_measured_on_pairs_of_known_truth_that_did_not_teach_them(
    tmp_path: Path,
) -> None:
    rows, _ = jury({"good": 0.97, "fair": 0.9, "weak": 0.7}, n=400, told=150)
    table, out = written(tmp_path, rows), str(tmp_path / "labels.parquet")
    report = json.loads(RUN.invoke(app, ["label", table, "--out", out, "--json"]).stdout)
    held_back, p = report["held_back"], pq.read_table(out)["p_preferred"].to_pylist()
    said = " ".join(RUN.invoke(app, ["label", table, "--out", out]).stdout.split())

    assert held_back["by_threshold"][0]["n"] == 150
    assert held_back["by_threshold"][0]["agrees"] > 0.9
    assert held_back["threshold"] is not None
    assert held_back["labels_above"] == sum(one >= held_back["threshold"] for one in p)
    assert "if these were drawn at random, at least 90% of the" in said


def test_without_known_truth_nothing_is_held_back(tmp_path: Path) -> None:
    rows = [{key: row[key] for key in row if key != "gold"} for row in ROWS]
    table, out = written(tmp_path, rows), str(tmp_path / "labels.parquet")
    report = json.loads(RUN.invoke(app, ["label", table, "--out", out, "--json"]).stdout)

    assert report["held_back"] is None


def test_options_reach_the_model(tmp_path: Path) -> None:
    table, out = written(tmp_path, [row | {"gold": None} for row in ROWS]), tmp_path / "l.parquet"
    options = ["--human", "weak", "--prior-accuracy", "good=0.95:50", "--order-not-random"]
    done = RUN.invoke(app, ["label", table, "--out", str(out), *options, "--json"])
    report = json.loads(done.stdout)

    assert report["judges"]["weak"]["kind"] == "human"
    assert "the accuracy that you gave of good" in report["meaning"]
    assert not any(pq.read_table(out)["anchored"].to_pylist())


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--human", "gone"], "the table has no judge 'gone'"),
        (["--prior-accuracy", "gone=0.8:10"], "the table has no judge 'gone'"),
        (["--prior-accuracy", "good"], "is not JUDGE=ACCURACY:PAIRS"),
        (["--prior-accuracy", "good=0.8"], "is not JUDGE=ACCURACY:PAIRS"),
        (["--prior-accuracy", "good=1.2:10"], "is not JUDGE=ACCURACY:PAIRS"),
        (["--prior-accuracy", "good=nan:10"], "is not JUDGE=ACCURACY:PAIRS"),
        (["--out", "labels.csv"], "does not end in .parquet"),
    ],
)
def test_a_wrong_option_is_an_error_with_its_remedy(
    options: list[str],
    problem: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    table = written(tmp_path, ROWS)
    command = ["prefline", "label", table, "--out", str(tmp_path / "labels.parquet"), *options]
    monkeypatch.setattr("sys.argv", command)
    with pytest.raises(SystemExit, match="2"):
        main()
    said = capsys.readouterr().err
    assert problem in said
    assert "remedy: " in said


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ({"verdict": "left"}, "v.csv, row 81: `verdict` is 'left'"),
        ({"gold": "b"}, "v.csv, row 81: `gold` is 'b'"),
        ({"p_first": 1.5}, "v.csv, row 81: `p_first` is 1.5"),
        ({"judge": ""}, "v.csv, row 81: `judge` is missing"),
        ({"second_id": "a0"}, "v.csv, row 81: `second_id` is 'a0'"),
        ({"second_id": "c"}, "v.csv, row 81: `pair_id` 'p0000' names other responses"),
    ],
)
def test_a_bad_row_is_an_error_that_names_file_row_and_field(
    row: dict[str, Any],
    problem: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = [*ROWS, ROWS[0] | {"judge": "new"} | row]
    out = tmp_path / "labels.parquet"
    monkeypatch.setattr(
        "sys.argv", ["prefline", "label", written(tmp_path, rows[:80] + rows[-1:] + rows[80:160]),
                     "--out", str(out)],
    )  # fmt: skip
    with pytest.raises(SystemExit, match="2"):
        main()
    assert problem in capsys.readouterr().err
    assert not out.exists()


def test_the_table_itself_is_not_written_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    table = written(tmp_path, ROWS, "v.parquet")
    monkeypatch.setattr("sys.argv", ["prefline", "label", table, "--out", table])
    with pytest.raises(SystemExit, match="2"):
        main()
    assert "is the table itself" in capsys.readouterr().err


def test_where_scipy_is_missing_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("prefline.cli.label.find_spec", lambda _: None)
    monkeypatch.setattr(
        "sys.argv",
        ["prefline", "label", written(tmp_path, ROWS), "--out", str(tmp_path / "l.parquet")],
    )
    with pytest.raises(SystemExit):
        main()

    assert "pip install 'prefline[pipeline]'" in capsys.readouterr().err
