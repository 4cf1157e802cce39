from __future__ import annotations

import math
import random
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from benchmarks.labels.recorded_table import FOLDER as RECORDED
from prefline.config import GenerateParams
from prefline.errors import InputError
from prefline.tables import RESPONSES
from prefline.tables.prompts import prompt_from_row
from tasks.generate import Imported, imported_table, read_imports
from tests.tasks.generate.scripted import PROMPTS, params

GOOD: Mapping[str, Any] = {"prompt": "prompt 0", "model": "theirs", "text": "An answer."}


def section(**changes: Any) -> GenerateParams:
    table = {"path": "data/imported/responses/one.jsonl"} | changes
    return GenerateParams.model_validate({"imported": [table]})


def write(root: Path, *rows: Mapping[str, Any]) -> Path:
    path = root / "data" / "imported" / "responses" / "one.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\n".join(orjson.dumps(dict(row)) for row in rows))
    return root


def read(root: Path, *rows: Mapping[str, Any], **changes: Any) -> Imported:
    return read_imports(PROMPTS, section(**changes), write(root, *rows))


def test_a_row_becomes_a_response_of_the_prompt_that_it_names(tmp_path: Path) -> None:
    told = {"finish_reason": "stop", "input_tokens": 3, "output_tokens": "4", "cost_usd": 0.25}
    found = read(tmp_path, GOOD | told | {"sample_index": 2.0})
    (row,) = imported_table(found.rows).to_pylist()

    assert found.rejections == []
    assert (row["prompt_id"], row["model"], row["sample_index"]) == (
        PROMPTS[0].prompt_id, "theirs", 2,
    )  # fmt: skip
    assert (row["text"], row["origin"], row["finish_reason"]) == ("An answer.", "imported", "stop")
    assert (row["input_tokens"], row["output_tokens"], row["cost_usd"]) == (3, 4, 0.25)
    assert row["request_key"] is row["parent_id"] is row["principle"] is None


@pytest.mark.parametrize(
    "named",
    [
        pytest.param({"prompt": "prompt 1"}, id="text"),
        pytest.param({"messages": [{"role": "user", "content": "prompt 1"}]}, id="messages"),
        pytest.param({"prompt_id": PROMPTS[1].prompt_id}, id="id"),
        pytest.param({"prompt_id": "an id of theirs", "prompt": "prompt 1"}, id="both"),
    ],
)
def test_a_prompt_is_named_by_itself_or_by_our_id(tmp_path: Path, named: dict[str, Any]) -> None:
    (row,) = read(tmp_path, {"model": "m", "text": "t"} | named).rows

    assert row["prompt_id"] == PROMPTS[1].prompt_id


TURNS = [
    {"role": "assistant", "content": None, "tool_calls": [
        {"id": "1", "function": {"name": "weather", "arguments": '{"city": "Rome"}'}}]},
    {"role": "tool", "tool_call_id": "1", "content": "18"},
    {"role": "assistant", "content": "18 degrees."},
]  # fmt: skip


def test_an_answer_of_several_turns_is_kept_whole_and_shown_as_text(tmp_path: Path) -> None:
    one = {"prompt": "prompt 0", "model": "theirs", "turns": TURNS}
    as_text = {"prompt": "prompt 1", "model": "theirs", "turns": orjson.dumps(TURNS).decode()}
    single = [{"role": "assistant", "content": "t"}]
    text = {"prompt": "prompt 2", "model": "theirs", "turns": single}
    found = read(tmp_path, one, as_text, text)
    first, second, third = imported_table(found.rows).to_pylist()

    assert first["text"].splitlines() == [
        '[call weather] {"city":"Rome"}',
        "[result weather] 18",
        "[assistant] 18 degrees.",
    ]
    assert [turn["role"] for turn in first["turns"]] == ["assistant", "tool", "assistant"]
    assert second["turns"] == first["turns"]
    assert (third["text"], third["turns"]) == ("t", None)
    plain = read(tmp_path, {"prompt": "prompt 2", "model": "theirs", "text": "t"}).rows[0]
    assert plain["response_id"] == third["response_id"]
    assert imported_table([plain]).schema == RESPONSES


def test_a_turn_of_a_person_amid_an_answer_is_an_error(tmp_path: Path) -> None:
    turns = [*TURNS, {"role": "user", "content": "And tomorrow?"}]
    cut = read(tmp_path, {"prompt": "prompt 0", "model": "m", "turns": TURNS[:2]})

    assert [one.reason for one in cut.rejections] == ["unfinished"]

    for no_list in (-1, True, {}):
        with pytest.raises(InputError, match=r"one\.jsonl, row 1: field 'turns'"):
            read(tmp_path, {"prompt": "prompt 0", "model": "m", "turns": no_list})
    with pytest.raises(InputError, match=r"one\.jsonl, row 1: field 'turns' has the roles"):
        read(tmp_path, {"prompt": "prompt 0", "model": "m", "turns": turns})


def test_columns_and_a_constant_model_map_their_names_to_ours(tmp_path: Path) -> None:
    row = {"instruction": "prompt 0", "response": "An answer.", "prompt": None}
    columns = {"prompt": "instruction", "text": "response"}
    (found,) = read(tmp_path, row, columns=columns, model="theirs").rows

    assert (found["model"], found["text"]) == ("theirs", "An answer.")


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_tables_of_other_formats_say_the_same(tmp_path: Path, ending: str) -> None:
    (wanted,) = read(tmp_path, GOOD | {"input_tokens": 7}).rows
    path = tmp_path / "data" / "imported" / "responses" / f"one.{ending}"
    table = pa.Table.from_pylist([GOOD | {"input_tokens": 7.0, "cost_usd": None}])
    pq.write_table(table, path) if ending == "parquet" else pa.csv.write_csv(table, path)
    found = read_imports(PROMPTS, section(path=f"data/imported/responses/one.{ending}"), tmp_path)

    assert found.rows == [wanted]


def test_the_order_of_a_table_s_rows_does_not_matter(tmp_path: Path) -> None:
    rows = [
        {"prompt": f"prompt {n}", "model": model, "text": f"{model} {n} {k}", "sample_index": k}
        for n in range(3)
        for model in ("b", "a")
        for k in range(2)
    ]
    one = imported_table(read(tmp_path, *rows).rows)
    other = imported_table(read(tmp_path, *random.Random(0).sample(rows, len(rows))).rows)

    assert one.schema == RESPONSES
    assert one.equals(other)
    assert one["prompt_id"].to_pylist()[::4] == [prompt.prompt_id for prompt in PROMPTS]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        pytest.param({"prompt": "never sampled"}, "unknown_prompt", id="unknown prompt"),
        pytest.param({"text": "  "}, "empty", id="blank"),
        pytest.param({"text": None}, "empty", id="null"),
        pytest.param({}, "duplicate", id="the same row twice"),
    ],
)
def test_a_row_that_is_no_response_of_this_run_is_a_rejection_that_names_file_and_row(
    tmp_path: Path, changes: dict[str, Any], reason: str
) -> None:
    found = read(tmp_path, GOOD, GOOD | changes)

    assert len(found.rows) == 1
    assert [(one.kind, one.reason) for one in found.rejections] == [("response", reason)]
    assert "one.jsonl, row 2" in str(found.rejections[0].detail)


ROWS = st.tuples(
    st.sampled_from(["prompt 0", "prompt 1", "never sampled"]),
    st.sampled_from(["", " ", "An answer.", "Another."]),
)


@given(st.lists(ROWS, max_size=12), st.booleans())
def test_every_row_ends_as_a_response_or_as_a_rejection(
    drawn: list[tuple[str, str]], twice: bool
) -> None:
    rows = [
        {"prompt": prompt, "text": text, "model": "theirs", "sample_index": index}
        for index, (prompt, text) in enumerate(drawn)
    ] * (2 if twice else 1)
    with tempfile.TemporaryDirectory() as folder:
        found = read(Path(folder), *rows)
    ids = [row["response_id"] for row in found.rows] + [one.id for one in found.rejections]

    assert len(ids) == len(set(ids)) == len(rows)


@pytest.mark.parametrize(
    ("row", "says"),
    [
        pytest.param({"prompt": 3}, "field 'prompt' is int, not text", id="prompt"),
        pytest.param({"messages": "hi"}, "field 'messages'", id="messages"),
        pytest.param({"messages": [{"role": "me"}]}, "field 'messages'", id="message"),
        pytest.param({"prompt": None}, "'prompt_id' is missing", id="no prompt"),
        pytest.param({"model": None}, "field 'model' is missing", id="no model"),
        pytest.param({"model": ["a"]}, "field 'model' is list", id="model"),
        pytest.param({"text": 5}, "field 'text' is int", id="text"),
        pytest.param({"sample_index": -1}, "field 'sample_index' is -1", id="index"),
        pytest.param({"sample_index": 2**31}, "from 0 to 2147483647", id="large index"),
        pytest.param({"input_tokens": 1.5}, "field 'input_tokens' is 1.5", id="half a token"),
        pytest.param({"output_tokens": True}, "field 'output_tokens'", id="truth as number"),
        pytest.param({"cost_usd": "free"}, "field 'cost_usd' is 'free'", id="cost"),
        pytest.param({"cost_usd": -1}, "field 'cost_usd' is -1", id="negative cost"),
        pytest.param({"finish_reason": 1}, "field 'finish_reason' is int", id="finish reason"),
        pytest.param({"text": "Another."}, "another response", id="two for one sample"),
    ],
)
def test_a_fault_is_named_with_file_row_and_field(
    tmp_path: Path, row: dict[str, Any], says: str
) -> None:
    with pytest.raises(InputError, match=r"one\.jsonl, row 2") as caught:
        read(tmp_path, GOOD, GOOD | row)

    assert says in caught.value.problem + caught.value.remedy
    assert caught.value.remedy


def test_a_missing_column_is_named_with_the_way_to_map_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"row 1: field 'text' is missing") as caught:
        read(tmp_path, {"prompt": "prompt 0", "model": "m", "response": "theirs"})
    assert "{text: theirs}" in caught.value.remedy

    with pytest.raises(InputError, match="no row has a field 'prise'"):
        read(tmp_path, GOOD, columns={"cost_usd": "prise"})


def test_numbers_that_are_not_there_are_null_as_writers_of_parquet_say_it(tmp_path: Path) -> None:
    path = tmp_path / "data" / "imported" / "responses" / "gaps.parquet"
    path.parent.mkdir(parents=True)
    row = GOOD | {"input_tokens": math.nan, "cost_usd": math.nan, "sample_index": math.nan}
    pq.write_table(pa.Table.from_pylist([row]), path)
    given = section(path="data/imported/responses/gaps.parquet")
    (found,) = read_imports(PROMPTS, given, tmp_path).rows

    assert (found["input_tokens"], found["cost_usd"], found["sample_index"]) == (None, None, 0)


def test_a_sample_that_the_run_makes_itself_cannot_be_imported(tmp_path: Path) -> None:
    imported = {"imported": [{"path": "data/imported/responses/one.jsonl"}]}
    root = write(tmp_path, GOOD | {"model": "m", "sample_index": 1})
    with pytest.raises(InputError, match="sample 1 of m is one that this run makes itself"):
        read_imports(PROMPTS, params(**imported), root)

    write(tmp_path, GOOD | {"model": "m", "sample_index": 2})
    assert len(read_imports(PROMPTS, params(**imported), root).rows) == 1


@pytest.mark.parametrize("path", ["../theirs.jsonl", "data/theirs.jsonl", "/tmp/theirs.jsonl"])  # noqa: S108
def test_a_table_outside_of_its_folder_is_refused_with_the_remedy(
    tmp_path: Path, path: str
) -> None:
    with pytest.raises(InputError, match="put the file into data/imported/responses"):
        read_imports(PROMPTS, section(path=path), tmp_path)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        pytest.param({}, "neither endpoints nor imported", id="no candidates at all"),
        pytest.param(
            {"imported": [{"path": "p", "columns": {"txt": "a"}}]}, "'txt' is no column of ours",
            id="unknown column",
        ),
        pytest.param(
            {"imported": [{"path": "p", "columns": {"model": "a"}, "model": "m"}]}, "not both",
            id="model said twice",
        ),
    ],
)  # fmt: skip
def test_params_that_make_no_sense_are_refused(given: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        GenerateParams.model_validate(given)


@pytest.mark.skipif(not RECORDED.is_dir(), reason="the recorded responses are not beside us")
def test_the_recorded_responses_of_eight_models_are_imported_whole(tmp_path: Path) -> None:
    asked = pq.read_table(RECORDED / "prompts.parquet").to_pylist()
    prompts = [prompt_from_row({"prompt": row["prompt"]}, row["source"], "") for row in asked]
    texts = {row["prompt_id"]: row["prompt"] for row in asked}
    table = pq.read_table(RECORDED / "responses.parquet")
    prompt = pa.array([texts[one] for one in table["prompt_id"].to_pylist()])
    path = tmp_path / "data" / "imported" / "responses" / "recorded.parquet"
    path.parent.mkdir(parents=True)
    pq.write_table(table.append_column("prompt", prompt), path)  # its ids are not ours
    given = section(path="data/imported/responses/recorded.parquet", columns={"text": "response"})
    found = read_imports(prompts, given, tmp_path)
    rows = imported_table(found.rows)

    assert (rows.num_rows, found.rejections) == (6_440, [])
    assert len(set(rows["prompt_id"].to_pylist())) == len(prompts) == 805
    assert len(set(rows["model"].to_pylist())) == 8
    assert len(set(rows["response_id"].to_pylist())) == rows.num_rows
