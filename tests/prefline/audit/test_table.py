from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from prefline.audit.report import audit
from prefline.errors import InputError
from tests.prefline.audit.tables import Row, row, write

GOOD = [
    row("1", "first", gold="first", p_first=0.9, prompt_id="007", first_length=3, second_length=5),
    row("1", "tie", turned=True, gold="second", p_first=0.5, prompt_id="007"),
    row("2", "invalid", gold="tie", prompt_id="8", category="maths, hard"),
]
BAD: dict[str, tuple[Row, str]] = {
    "an unknown verdict": (row("3", "A"), "row 4: `verdict` is 'A'"),
    "an unknown gold": (row("3", "first", gold="invalid"), "row 4: `gold` is 'invalid'"),
    "a probability over 1": (row("3", "first", p_first=1.5), "row 4: `p_first` is 1.5"),
    "a negative probability": (row("3", p_first=-0.1), "row 4: `p_first` is -0.1"),
    "neither verdict nor p_first": (row("3"), "row 4: `verdict` is missing"),
    "no judge": (row("3", "first", judge=None), "row 4: `judge` is missing"),
    "a negative length": (row("3", "first", first_length=-1), "row 4: `first_length` is -1"),
    "a response with itself": (row("3", "tie", second_id="3-a"), "row 4: `second_id` is '3-a'"),
    "a pair_id used twice": (row("1", "tie", second_id="other"), "row 4: `pair_id` '1' names oth"),
}


@pytest.mark.parametrize("ending", ["parquet", "jsonl", "csv"])
@pytest.mark.parametrize("fault", BAD)
def test_a_bad_row_is_named_with_its_field_and_a_remedy(
    fault: str, ending: str, tmp_path: Path
) -> None:
    bad, message = BAD[fault]
    with pytest.raises(InputError) as raised:
        audit(write(tmp_path / f"v.{ending}", [*GOOD, bad]))

    assert f"v.{ending}, {message}" in raised.value.problem
    assert raised.value.remedy


@pytest.mark.parametrize("ending", ["parquet", "jsonl", "csv"])
@pytest.mark.parametrize("missing", ["pair_id", "judge", "first_id", "second_id"])
def test_a_missing_column_is_named(missing: str, ending: str, tmp_path: Path) -> None:
    rows = [{name: one[name] for name in one if name != missing} for one in GOOD]
    with pytest.raises(InputError, match=f"lacks the column `{missing}`"):
        audit(write(tmp_path / f"v.{ending}", rows))


def test_a_table_without_verdict_and_p_first_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="neither the column `verdict` nor `p_first`"):
        audit(write(tmp_path / "v.csv", [row("1"), row("2")]))


def test_all_three_kinds_of_file_say_the_same(tmp_path: Path) -> None:
    found: list[dict[str, Any]] = [
        audit(write(tmp_path / f"v.{ending}", GOOD)) for ending in ("parquet", "jsonl", "csv")
    ]

    assert [one.pop("table") for one in found] == ["v.parquet", "v.jsonl", "v.csv"]
    assert found[0] == found[1] == found[2]
    assert found[0]["n_clusters"] == 2


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("v.jsonl", b'{"pair_id": "1"}\n{"pair_id": \n', "v.jsonl, row 2: not valid JSON"),
        ("v.parquet", b"no parquet", "v.parquet cannot be read as Parquet"),
        ("v.csv", b"pair_id,judge\n1,2,3\n", "v.csv, line 2: more or fewer cells"),
        ("v.csv", b"pair_id;judge\n1;2\n", "v.csv, line 1: the header is one cell"),
        ("v.csv", "pair_id,judge\n1,2\n".encode("utf-16"), "v.csv is UTF-16"),
        ("v.csv", b'pair_id,judge\n1,"2\n', "v.csv: the row that begins in line 2"),
        ("v.csv", b"pair_id,judge,judge\n1,2,3\n", "the column `judge` more than once"),
        ("v.csv", b"pair_id,judge\n1,\xff\n", "v.csv"),
        ("v.txt", b"", "the ending '.txt' is not known"),
        ("v.csv", b"pair_id,judge,first_id,second_id,verdict\n", "v.csv has no rows"),
        (
            "v.csv",
            b"pair_id,judge,first_id,second_id,p_first\n1,j,a,b,0.5\n1,j,a,b,high\n",
            "v.csv, row 2: `p_first` is 'high', not a number",
        ),
    ],
    ids=[
        "a torn line",
        "no Parquet",
        "too many cells",
        "semicolons",
        "UTF-16",
        "an open quote",
        "twice",
        "no UTF-8",
        "another ending",
        "no rows",
        "no number",
    ],
)
def test_a_file_that_cannot_be_read_says_why(
    name: str, content: bytes, message: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError) as raised:
        audit(tmp_path / name)

    assert message in raised.value.problem


def test_a_stray_quote_in_a_csv_loses_no_rows_silently(tmp_path: Path) -> None:
    write(tmp_path / "v.csv", GOOD)
    header, *rows = (tmp_path / "v.csv").read_text().splitlines()
    lines = [f"{header},note", f'{rows[0]},"a', *(f"{row},b" for row in rows[1:])]
    (tmp_path / "v.csv").write_text("\n".join(lines))
    with pytest.raises(InputError, match="the row that begins in line 2 cannot be read as CSV"):
        audit(tmp_path / "v.csv")

    lines[1] += ', ""b"", c"'
    (tmp_path / "v.csv").write_text("\n".join(lines))
    assert audit(tmp_path / "v.csv")["n_verdicts"] == 3


def test_text_in_parquet_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    judges: Any = pa.array([b"fine", b"\xff\xfe"], pa.binary()).view(pa.string())
    pq.write_table(pa.table({"pair_id": ["1", "2"], "judge": judges}), tmp_path / "v.parquet")

    with pytest.raises(InputError, match=r"v\.parquet, row 2: `judge` is not UTF-8"):
        audit(tmp_path / "v.parquet")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.csv does not exist"):
        audit(tmp_path / "gone.csv")


def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path: Path) -> None:
    write(tmp_path / "v.csv", GOOD)
    (tmp_path / "v.csv").write_bytes(b"\xef\xbb\xbf" + (tmp_path / "v.csv").read_bytes())

    assert audit(tmp_path / "v.csv")["n_verdicts"] == 3


def test_ids_may_be_numbers_and_numbers_text(tmp_path: Path) -> None:
    rows = [
        {"pair_id": 1, "judge": "j", "first_id": 7, "second_id": 8, "p_first": "0.75"},
        {"pair_id": "1", "judge": "j", "first_id": 8, "second_id": 7, "p_first": 0.25},
    ]
    found = audit(write(tmp_path / "v.jsonl", rows))

    assert found["n_pairs"] == 1
    assert found["judges"]["j"]["inconsistent"]["value"] == 0


def test_a_verdict_that_contradicts_p_first_is_allowed_and_counts(tmp_path: Path) -> None:
    found = audit(write(tmp_path / "v.csv", [row("1", "second", p_first=0.9, gold="first")]))

    assert found["judges"]["j"]["accuracy_per_order"]["value"] == 0
    assert found["judges"]["j"]["brier"]["value"] == pytest.approx(0.01)
