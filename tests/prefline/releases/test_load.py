from __future__ import annotations

import datetime as dt
import pickle
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

import prefline
from prefline.errors import (
    InputError,
    OfflineWarning,
    StoreUnreachable,
    VersionCorrupt,
    VersionNotFound,
)
from prefline.releases import locate, publish, read_manifest
from prefline.releases.load import may_match, parse_filters
from prefline.releases.manifest import DataFile
from prefline.storage import open_store
from tests.fault_proxy import FaultProxy, fault_proxy
from tests.prefline.releases.drafts import parted, preference
from tests.s3_server import S3Server


@pytest.fixture
def three_files(tmp_path: Path, cache: Path, s3_server: S3Server) -> str:
    """A version of three files in a bucket: sources a, b, c with rising p_chosen."""
    parts = [
        [preference(10 * k + n, source="abc"[k], p_chosen=0.6 + 0.1 * k) for n in range(4)]
        for k in range(3)
    ]
    uri = f"s3://{s3_server.new_prefix()}"
    publish(open_store(uri), parted(tmp_path / "parted", parts))
    return f"{uri}/demo"


def fetched(proxy: FaultProxy) -> int:
    """How many data files have come through."""
    return sum("GET" in line and "/objects/" in line for line in proxy.passed)


def test_load_gives_the_rows_as_a_dataset(published: str) -> None:
    rows = prefline.load(f"{published}@1", split="train")

    assert rows.num_rows == 5
    assert rows[0]["chosen"] == [{"role": "assistant", "content": "answer 0"}]


def test_without_a_split_it_is_a_dict_of_all(published: str) -> None:
    assert {name: rows.num_rows for name, rows in prefline.load(published).items()} == {"train": 5}


def test_load_reads_only_the_columns_asked_for(published: str) -> None:
    rows = prefline.load(f"{published}@1", split="train", columns=["pair_id", "p_chosen"])

    assert rows.column_names == ["pair_id", "p_chosen"]


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        pytest.param({"split": "validation"}, VersionNotFound, "it has train", id="split"),
        pytest.param({"format": "kto"}, VersionNotFound, "it has preference", id="format"),
        pytest.param(
            {"columns": ["p_choosen"]}, InputError, "did you mean 'p_chosen'", id="column"
        ),
        pytest.param({"filters": [("p", ">", 1)]}, InputError, "the columns are", id="filtered"),
        pytest.param({"filters": [("p_chosen", "~", 1)]}, InputError, "operators", id="operator"),
    ],
)
def test_what_is_not_there_is_named_with_what_is(
    published: str, wrong: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        prefline.load(published, **{"split": "train", **wrong})


@pytest.mark.parametrize("streaming", [False, True], ids=["loaded", "streamed"])
@pytest.mark.parametrize(
    "filters",
    [
        pytest.param(("p_chosen", ">=", 0.9), id="a bare condition"),
        pytest.param(pc.field("p_chosen") > 0, id="an expression of pyarrow"),
        pytest.param([("p_chosen", ["=="], 1)], id="no operator"),
        pytest.param([("source", "in", "abc")], id="in a word"),
        pytest.param([("source", "in", [])], id="in nothing"),
        pytest.param([("p_chosen", ">", "abc")], id="a word for a number"),
        pytest.param([("source", ">", dt.date(2026, 1, 1))], id="a date for a word"),
        pytest.param([("prompt", "==", "x")], id="a list column"),
    ],
)
def test_a_filter_that_makes_no_sense_is_refused(
    published: str, filters: Any, streaming: bool
) -> None:
    with pytest.raises(InputError):
        list(prefline.load(published, split="train", filters=filters, streaming=streaming))


@pytest.mark.parametrize(
    "filters", [[], [[]], [[("pair_id", "==", "x")], []]], ids=["none", "empty", "either"]
)
def test_an_empty_alternative_lets_every_row_pass(published: str, filters: Any) -> None:
    assert len(prefline.load(published, split="train", filters=filters)) == 5


def test_values_to_be_in_may_come_from_a_generator(published: str) -> None:
    words = (word for word in ("s", "z"))
    rows = prefline.load(published, split="train", filters=[("source", "in", words)])
    assert set(rows["source"]) == {"s"}


@pytest.mark.parametrize("streaming", [False, True], ids=["loaded", "streamed"])
@pytest.mark.parametrize(
    ("filters", "pairs", "files"),
    [
        pytest.param([("source", "==", "b")], 4, 1, id="one source"),
        pytest.param([("p_chosen", ">=", 0.7)], 8, 2, id="the surer ones"),
        pytest.param([[("source", "==", "a")], [("source", "==", "c")]], 8, 2, id="either"),
        pytest.param([("pair_id", "==", f"{11:016x}")], 1, 3, id="a column without ranges"),
        pytest.param([("source", "==", "z")], 0, 1, id="nothing"),
    ],
)
def test_a_filter_keeps_files_that_cannot_hold_such_rows_from_being_fetched(
    three_files: str,
    s3_server: S3Server,
    monkeypatch: pytest.MonkeyPatch,
    filters: list[Any],
    pairs: int,
    files: int,
    streaming: bool,
) -> None:
    with fault_proxy(s3_server.endpoint) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        rows = prefline.load(three_files, split="train", filters=filters, streaming=streaming)
        found = [row["pair_id"] for row in rows]

    assert len(found) == len(set(found)) == pairs
    assert fetched(proxy) == files


def test_a_stream_fetches_a_file_when_the_reader_comes_to_it(
    three_files: str, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with fault_proxy(s3_server.endpoint) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        rows = prefline.load(three_files, split="train", streaming=True, columns=["source"])
        assert fetched(proxy) == 0
        assert next(iter(rows)) == {"source": "a"}
        assert fetched(proxy) == 1
        assert [row["source"] for row in rows] == [*"aaaabbbbcccc"]
        assert fetched(proxy) == 3


def test_the_workers_of_a_data_loader_share_a_stream_by_files(three_files: str) -> None:
    rows = pickle.loads(  # noqa: S301
        pickle.dumps(prefline.load(three_files, split="train", streaming=True))
    )

    assert rows.num_shards == 3
    shares = [[row["source"] for row in rows.shard(3, n)] for n in range(3)]
    assert sorted(map("".join, shares)) == ["aaaa", "bbbb", "cccc"]


def test_a_folder_s_files_are_read_in_place_and_checked(published: str, cache: Path) -> None:
    assert prefline.load(published, split="train").num_rows == 5
    assert not (cache / "objects").exists()

    for path in (Path(published) / "objects").iterdir():
        path.chmod(0o644)
        path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(VersionCorrupt, match="does not have the bytes of its name"):
        prefline.load(published, split="train")


def test_what_was_read_once_can_be_read_with_the_store_gone(
    three_files: str, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with fault_proxy(s3_server.endpoint) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
        prefline.load(three_files, split="train")
    with pytest.warns(OfflineWarning, match="taken to be version 1, as it was seen on"):
        assert prefline.load(three_files, split="train").num_rows == 12
    assert prefline.load(f"{three_files}@1", split="train").num_rows == 12  # and no warning
    with pytest.raises(StoreUnreachable, match="cannot be reached"):
        prefline.load(f"{three_files}@2", split="train")


def test_offline_the_store_is_not_asked_at_all(
    three_files: str, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with fault_proxy(s3_server.endpoint) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        prefline.load(f"{three_files}@1", split="train")
        proxy.seen.clear()
        monkeypatch.setenv("PREFLINE_OFFLINE", "1")
        assert prefline.load(f"{three_files}@1", split="train").num_rows == 12
        with pytest.raises(StoreUnreachable, match="was never read on this machine"):
            prefline.load(three_files, split="train")
    assert proxy.seen == []


@pytest.mark.parametrize("streaming", [False, True], ids=["loaded", "streamed"])
def test_offline_a_file_that_is_not_in_the_cache_is_not_asked_for(
    three_files: str, cache: Path, monkeypatch: pytest.MonkeyPatch, streaming: bool
) -> None:
    read_manifest(locate(f"{three_files}@1"))
    monkeypatch.setenv("PREFLINE_OFFLINE", "1")

    with pytest.raises(StoreUnreachable, match="is not in the cache"):
        list(prefline.load(f"{three_files}@1", split="train", streaming=streaming))
    assert not (cache / "objects").exists()


def test_a_damaged_file_in_the_cache_is_fetched_anew(three_files: str, cache: Path) -> None:
    prefline.load(three_files, split="train")
    one = next((cache / "objects").iterdir())
    good = one.read_bytes()
    one.write_bytes(good[:-1])
    prefline.load(three_files, split="train")

    assert one.read_bytes() == good


ROWS = st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 9)), min_size=1, max_size=6)
CONDITIONS = st.one_of(
    st.tuples(
        st.just("source"), st.sampled_from(["=", "==", "!=", "<", "<=", ">", ">="]),
        st.sampled_from("abcd"),
    ),
    st.tuples(st.just("n"), st.sampled_from(["in", "not in"]), st.lists(st.integers(0, 9))),
    st.tuples(st.just("n"), st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), st.integers(0, 9)),
)  # fmt: skip


@given(rows=ROWS, filters=st.lists(st.lists(CONDITIONS, max_size=3), min_size=1, max_size=3))
def test_no_file_that_holds_a_row_is_passed_over(
    rows: list[tuple[str, int]], filters: list[list[tuple[str, str, Any]]]
) -> None:
    sources, numbers = zip(*rows, strict=True)
    ranges = {"source": [min(sources), max(sources)], "n": [min(numbers), max(numbers)]}
    one = DataFile("train", "a" * 64, 1, len(rows), ranges=ranges)

    held = any(all(fulfils(row, part) for part in one_of) for one_of in filters for row in rows)

    assert may_match(one, parse_filters(filters, ("source", "n"))) or not held


def fulfils(row: tuple[str, int], condition: tuple[str, str, Any]) -> bool:
    column, operator, value = condition
    mine: Any = row[0] if column == "source" else row[1]
    return {
        "=": lambda: mine == value, "==": lambda: mine == value, "!=": lambda: mine != value,
        "<": lambda: mine < value, "<=": lambda: mine <= value, ">": lambda: mine > value,
        ">=": lambda: mine >= value, "in": lambda: mine in value,
        "not in": lambda: mine not in value,
    }[operator]()  # fmt: skip
