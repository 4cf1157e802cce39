"""What validation writes."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import orjson
import pyarrow.parquet as pq
import pytest

from prefline.config import ValidateParams
from prefline.tables import SCHEMAS, StoredTable, part_hashes, write_table
from tasks.validate import DATA_DOCS, RESULTS, validate_tables
from tests.tasks.validate.line import good_line

PARAMS = ValidateParams(min_preferences=10)


@pytest.mark.usefixtures("great_expectations")
def test_results_are_byte_identical_for_identical_tables(tmp_path: Path) -> None:
    line = good_line()
    line.change("judgments", 4, verdict="maybe")
    line.change("preferences", 5, p_chosen=float("nan"))
    for run in ("one", "other"):
        validate_tables(line.tables(), PARAMS, tmp_path / run)
    one, other = ((tmp_path / run / RESULTS).read_bytes() for run in ("one", "other"))
    assert one == other


@pytest.mark.usefixtures("great_expectations")
def test_results_and_data_docs_replace_those_of_an_earlier_run(tmp_path: Path) -> None:
    line = good_line()
    line.change("judgments", 4, verdict="maybe")
    assert not validate_tables(line.tables(), PARAMS, tmp_path).passed
    report = validate_tables(good_line().tables(), PARAMS, tmp_path)
    assert report.passed
    results = orjson.loads((tmp_path / RESULTS).read_bytes())
    assert results == orjson.loads(orjson.dumps(report.as_dict()))
    assert results["rows"]["preferences"] == 12
    assert (tmp_path / DATA_DOCS / "index.html").is_file()
    assert len(list((tmp_path / DATA_DOCS / "validations").glob("*/*/*/*.html"))) == 14
    assert sorted(path.name for path in tmp_path.iterdir()) == [DATA_DOCS, RESULTS]


@pytest.mark.usefixtures("great_expectations")
def test_tables_pass_after_a_round_trip_through_parquet(tmp_path: Path) -> None:
    tables = good_line().tables()
    for name, table in tables.items():
        write_table(tmp_path / name, table, SCHEMAS[name])
    # As `pair` writes it: a file beside others.
    pq.write_table(tables["review"], tmp_path / "queue.parquet")
    places = {name: tmp_path / name for name in tables} | {"review": tmp_path / "queue.parquet"}
    read = {name: StoredTable(place) for name, place in places.items()}
    files = {name: part_hashes(place) for name, place in places.items()}
    assert validate_tables(read, PARAMS, tmp_path / "validation", files).passed

    part = tmp_path / "preferences" / "part-00000.parquet"
    told = orjson.loads((tmp_path / "validation" / RESULTS).read_bytes())["files"]
    assert told["preferences"] == {part.name: hashlib.sha256(part.read_bytes()).hexdigest()}
    assert set(told) == set(tables)
    assert list(told["review"]) == ["queue.parquet"]


def test_importing_the_stage_does_not_import_great_expectations() -> None:
    code = "import sys, tasks.validate; sys.exit('great_expectations' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
