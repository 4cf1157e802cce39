"""What validation writes."""

from __future__ import annotations

import csv
import hashlib
import importlib
import subprocess
import sys
from pathlib import Path

import orjson
import pyarrow.parquet as pq
import pytest

from prefline.config import ValidateParams
from prefline.tables import SCHEMAS, StoredTable, part_hashes, write_table
from tasks.validate import DATA_DOCS, RESULTS, SUITES, preferences, validate_tables
from tests.tasks.validate.line import Line, good_line

PARAMS = ValidateParams(min_preferences=10)


def pages(folder: Path) -> int:
    """Return how many pages of validations the Data Docs have."""
    assert (folder / DATA_DOCS / "index.html").is_file()
    return len(list((folder / DATA_DOCS / "validations").glob("*/*/*/*.html")))


@pytest.fixture
def bad() -> Line:
    line = good_line()
    line.change("preferences", 5, p_chosen=float("nan"))
    return line


@pytest.fixture
def one_suite(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of the suites: what is written of it is no other than of all, and sooner there."""
    monkeypatch.setattr("tasks.validate.run.SUITES", (preferences.SUITE,))


@pytest.mark.usefixtures("great_expectations", "one_suite")
def test_results_are_byte_identical_for_identical_tables_and_replace_earlier_ones(
    bad: Line, tmp_path: Path
) -> None:
    for run in ("one", "other"):
        assert not validate_tables(bad.tables(), PARAMS, tmp_path / run).passed
    one, other = ((tmp_path / run / RESULTS).read_bytes() for run in ("one", "other"))
    assert one == other

    report = validate_tables(good_line().tables(), PARAMS, tmp_path / "one")
    assert report.passed
    results = orjson.loads((tmp_path / "one" / RESULTS).read_bytes())
    assert results == orjson.loads(orjson.dumps(report.as_dict()))
    assert results["rows"]["preferences"] == 12
    assert pages(tmp_path / "one") == 2, "of the schemas and the suite"
    assert sorted(path.name for path in (tmp_path / "one").iterdir()) == [DATA_DOCS, RESULTS]


@pytest.mark.usefixtures("great_expectations")
def test_good_tables_have_no_fault_after_a_round_trip_through_parquet(tmp_path: Path) -> None:
    tables = good_line().tables()
    for name, table in tables.items():
        write_table(tmp_path / name, table, SCHEMAS[name])
    # As `pair` writes it: a file beside others.
    pq.write_table(tables["review"], tmp_path / "queue.parquet")
    places = {name: tmp_path / name for name in tables} | {"review": tmp_path / "queue.parquet"}
    read = {name: StoredTable(place) for name, place in places.items()}
    files = {name: part_hashes(place) for name, place in places.items()}
    report = validate_tables(read, PARAMS, tmp_path / "validation", files)
    assert [str(one) for one in report.findings if not one.passed] == []

    part = tmp_path / "preferences" / "part-00000.parquet"
    told = orjson.loads((tmp_path / "validation" / RESULTS).read_bytes())["files"]
    assert told["preferences"] == {part.name: hashlib.sha256(part.read_bytes()).hexdigest()}
    assert set(told) == set(tables)
    assert list(told["review"]) == ["queue.parquet"]
    assert pages(tmp_path / "validation") == 1 + len(SUITES)


def test_importing_the_stage_does_not_import_great_expectations() -> None:
    code = "import sys, tasks.validate; sys.exit('great_expectations' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.usefixtures("great_expectations")
def test_an_import_goes_without_some_modules_and_gets_others_when_they_are_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from tasks.validate.expectations import imports

    for name in ("colorsys", "nturl2path"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    with imports(without=["nturl2path", "json"], late=["colorsys", "csv"]):
        import colorsys

        assert sys.modules["csv"] is csv, "what is there already stays"
        assert sys.modules["json"]
        with pytest.raises(ModuleNotFoundError):
            importlib.import_module("nturl2path")
    assert {"nturl2path", "colorsys"}.isdisjoint(sys.modules)
    assert colorsys.rgb_to_hls(0, 0, 0) == (0, 0, 0)
    assert sys.modules["colorsys"] is not colorsys
    assert importlib.import_module("nturl2path")
