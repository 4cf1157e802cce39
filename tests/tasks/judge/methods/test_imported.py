from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from prefline.config import JudgeParams
from prefline.errors import InputError
from prefline.tables import Rejection
from prefline.tables.answered import ListedAnswers
from prefline.tables.draft import draft_table
from tasks.judge.comparisons import Comparison, Response
from tasks.judge.context import JudgeContext
from tasks.judge.imported_table import ImportedTable, read_answers, read_imported
from tasks.judge.jobs import read_context
from tasks.judge.methods.imported import AnswersTable, Imported, ImportedJudge
from tasks.judge.offer import offer_pairs, plan_of
from tasks.judge.results import Judgment, Verdict, judgment_row
from tests.tasks.judge.material import prompt

PROMPT_ID = prompt().prompt_id
RESPONSES = [
    {"response_id": name, "prompt_id": PROMPT_ID, "model": model, "sample_index": sample,
     "parent_id": None, "text": f"text {name}", "finish_reason": "stop"}
    for name, model, sample in (("a", "m", 0), ("b", "n", 0), ("c", "n", 1))
]  # fmt: skip


@dataclass
class Read:
    """What comes of a table: rows of `judgments`, and rejections."""

    rows: list[dict[str, Any]]
    rejections: list[Rejection]

    @property
    def sides(self) -> list[str]:
        return [row["verdict"] for row in self.rows]


def judge(**more: Any) -> ImportedJudge:
    return ImportedJudge.model_validate(
        {"name": "people", "method": "imported", "path": "given.jsonl"} | more
    )


def judged(
    one: ImportedJudge, table: ImportedTable, responses: list[dict[str, Any]] = RESPONSES
) -> Read:
    """Judge every pair of the responses, a hundred rows at once."""
    answered, context = ListedAnswers([prompt()], responses), JudgeContext(material=table)
    offer = offer_pairs(answered, JudgeParams(judges=(one,)), [context], {}, list)
    columns = Imported().judge_columns(one, context, plan_of(answered, offer, one))
    said = Read([], [])
    for judgments, rejected in columns:
        said.rows += judgments.to_pylist()
        said.rejections += rejected
    return said


def written(tmp_path: Path, table: list[dict[str, Any]]) -> Path:
    path = tmp_path / "given.jsonl"
    path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in table))
    return path


def collected(
    tmp_path: Path,
    table: list[dict[str, Any]],
    responses: list[dict[str, Any]] = RESPONSES,
    **more: Any,
) -> Read:
    one = judge(**more)
    return judged(one, read_imported(one, written(tmp_path, table), responses), responses)


def verdicts_of(table: ImportedTable) -> dict[tuple[str, str], str]:
    rows = pq.read_table(table.verdicts).to_pylist()
    return {(row["first_id"], row["second_id"]): row["verdict"] for row in rows}


def test_verdicts_keep_the_order_in_which_they_were_given(tmp_path: Path) -> None:
    rows = [
        {"first_id": "b", "second_id": "a", "verdict": "first", "rationale": "it is so"},
        {"first_id": "a", "second_id": "b", "p_first": 0.2},
    ]
    found = collected(tmp_path, rows).rows
    said = {(row["first_id"], row["verdict"], row["p_first"], row["rationale"]) for row in found}

    assert said == {("b", "first", None, "it is so"), ("a", "second", 0.2, None)}


def test_rows_are_those_of_the_verdicts_in_memory(tmp_path: Path) -> None:
    rows = [
        {"first_id": "b", "second_id": "a", "verdict": "x", "p_first": 0.25, "rationale": None},
        {"first_id": "c", "second_id": "a", "verdict": "tie", "rationale": "equal"},
        {"first_id": "a", "second_id": "b", "verdict": "first"},
    ]
    one = judge(verdicts={"x": "invalid"})
    said = [Verdict("invalid", 0.25, "imported as 'x'"), Verdict("tie", None, "equal"),
            Verdict("first", None)]  # fmt: skip
    expected = {}
    for row, verdict in zip(rows, said, strict=True):
        sides = [Response(str(row[name]), "", "stop") for name in ("first_id", "second_id")]
        made = judgment_row(one, Judgment(Comparison(prompt(), *sides), verdict))
        expected[made["judgment_id"]] = made
    for path in (written(tmp_path, rows), tmp_path / "given.parquet"):
        if path.suffix == ".parquet":
            pq.write_table(pa.Table.from_pylist(rows), path)
        found = judged(one, read_imported(one, path, RESPONSES)).rows

        assert len(found) == 3
        for row in found:
            wanted = dict.fromkeys(row) | expected[row["judgment_id"]]
            assert row == wanted


def test_a_response_of_several_turns_is_found_by_them(tmp_path: Path) -> None:
    def turns(city: str) -> list[dict[str, Any]]:
        call = {"function": {"name": "weather", "arguments": orjson.dumps({"city": city}).decode()}}
        return [{"role": "assistant", "content": None, "tool_calls": [call]}]

    known = [
        {"response_id": name, "prompt_id": PROMPT_ID, "model": name, "sample_index": 0,
         "parent_id": None, "text": f'[call weather] {{"city":"{city}"}}'}
        for name, city in (("a", "Rome"), ("b", "Oslo"))
    ]  # fmt: skip
    path = tmp_path / "given.jsonl"
    row = {"prompt": prompt().text, "first_text": turns("Oslo"), "second_text": turns("Rome")}
    path.write_bytes(orjson.dumps(row | {"verdict": "second"}))

    assert verdicts_of(read_imported(judge(), path, known)) == {("b", "a"): "second"}


def test_responses_are_found_by_prompt_model_and_sample(tmp_path: Path) -> None:
    row = {"prompt_id": PROMPT_ID, "left": "m", "right": "n", "n": 1, "winner": "model_b"}
    columns = {
        "first_model": "left", "second_model": "right", "second_sample": "n", "verdict": "winner",
    }  # fmt: skip
    found = collected(tmp_path, [row], columns=columns, verdicts={"model_b": "second"})

    assert found.sides == ["second"]


def test_each_annotator_of_a_table_can_be_a_judge(tmp_path: Path) -> None:
    rows = [
        {"first_id": "a", "second_id": "b", "verdict": verdict, "who": who}
        for verdict, who in (("first", 1), ("second", 2))
    ]
    found = collected(tmp_path, rows, rows={"who": "2"})

    assert found.sides == ["second"]


def test_rows_that_belong_to_no_offered_pair_are_rejections_and_not_lost(tmp_path: Path) -> None:
    rows = [
        {"first_id": "a", "second_id": "b", "verdict": "first"},
        {"first_id": "a", "second_id": "c", "verdict": "first"},
        {"first_id": "a", "second_id": "gone", "verdict": "first"},
    ]
    found = collected(tmp_path, rows, [*RESPONSES[:2], RESPONSES[2] | {"text": ""}])

    assert len(found.rows) == 1
    assert {(one.reason, (one.detail or "").split(":")[0]) for one in found.rejections} == {
        ("pair_not_offered", "given.jsonl, row 2"),
        ("unknown_response", "given.jsonl, row 3"),
    }


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"first_id": "a", "second_id": "b", "verdict": "left"}, "'verdict' is 'left'"),
        ({"first_id": "a", "second_id": "b", "verdict": ["first"]}, "'verdict' is ['first']"),
        ({"first_id": "a", "second_id": "b", "p_first": 1.5}, "'p_first' is 1.5"),
        ({"first_id": "a", "second_id": "b", "p_first": "high"}, "'p_first' is 'high'"),
        ({"first_id": 7, "second_id": "b", "verdict": "tie"}, "'first_id' is missing or not text"),
        ({"prompt_id": "p", "first_model": "m", "verdict": "tie"}, "'second_model' is missing"),
        (
            {"prompt_id": "p", "first_model": "m", "second_model": "n", "first_sample": "x",
             "verdict": "tie"},
            "'first_sample' is 'x'",
        ),
        (
            {"prompt_id": "p", "first_model": "m", "second_model": "n", "second_sample": 1.5,
             "verdict": "tie"},
            "'second_sample' is 1.5",
        ),
    ],
)  # fmt: skip
def test_a_bad_row_is_named_with_its_place_and_field(
    tmp_path: Path, row: dict[str, Any], says: str
) -> None:
    with pytest.raises(InputError, match=r"given\.jsonl, row 1") as caught:
        collected(tmp_path, [row])

    assert says in str(caught.value)


def test_two_verdicts_on_one_pair_and_order_are_an_error(tmp_path: Path) -> None:
    row = {"first_id": "a", "second_id": "b", "verdict": "first"}

    with pytest.raises(InputError, match="row 2: a second verdict"):
        collected(tmp_path, [row, row])


def test_an_annotator_that_is_a_float_in_a_column_with_gaps_is_found(tmp_path: Path) -> None:
    rows = [{"first_id": "a", "second_id": "b", "verdict": "first", "who": 2.0}]

    assert collected(tmp_path, rows, rows={"who": "2"}).sides == ["first"]


def test_a_table_of_which_no_row_counts_is_an_error_and_no_silent_judge(tmp_path: Path) -> None:
    rows = [{"first_id": "a", "second_id": "b", "verdict": "first", "who": 2}]

    with pytest.raises(InputError, match="holds no verdict whose columns"):
        collected(tmp_path, rows, rows={"who": "3"})


@pytest.mark.parametrize("missing", [None, "", float("nan")])
def test_a_row_without_a_verdict_is_left_out_with_its_reason(
    tmp_path: Path, missing: object
) -> None:
    rows = [
        {"first_id": "a", "second_id": "b", "verdict": "first"},
        {"first_id": "a", "second_id": "c", "verdict": missing},
    ]
    found = collected(tmp_path, rows)

    assert found.sides == ["first"]
    assert [(one.reason, (one.detail or "")[:18]) for one in found.rejections] == [
        ("no_verdict", "given.jsonl, row 2")
    ]
    with pytest.raises(InputError, match=r"none of the 1 rows of given\.jsonl has a value"):
        collected(tmp_path, rows[1:])


def test_a_table_of_which_no_row_is_about_this_run_is_an_error_with_the_ways_to_name_one(
    tmp_path: Path,
) -> None:
    rows = [{"first_id": "x", "second_id": "y", "verdict": "first"}]

    with pytest.raises(InputError, match=r"none of the 1 rows .* is about a response") as caught:
        collected(tmp_path, rows)
    assert "first_text and second_text" in caught.value.remedy


def test_a_number_for_a_verdict_is_one_word_whatever_its_type(tmp_path: Path) -> None:
    rows = [{"first_id": "a", "second_id": side, "verdict": word} for side, word in
            (("b", 2), ("c", 2.0))]  # fmt: skip

    assert collected(tmp_path, rows, verdicts={"2": "second"}).sides == ["second"] * 2


def test_an_imported_invalid_verdict_keeps_what_the_table_says(tmp_path: Path) -> None:
    rows = [{"first_id": "a", "second_id": "b", "verdict": "garbage"}]
    found = collected(tmp_path, rows, verdicts={"garbage": "invalid"})

    assert found.rows[0]["rationale"] == "imported as 'garbage'"


def test_responses_are_found_by_their_texts_so_that_an_import_takes_one_pass(
    tmp_path: Path,
) -> None:
    texts = {"a": "It is 4.", "b": "It is 5."}
    rows = [dict(row, prompt_id=PROMPT_ID, text=texts.get(str(row["response_id"]), "?"))
            for row in RESPONSES]  # fmt: skip
    table = [{"question": prompt().text, "left": " It is 5.\n", "right": "It is 4.",
              "verdict": "second"}]  # fmt: skip
    columns = {"prompt": "question", "first_text": "left", "second_text": "right"}

    (row,) = collected(tmp_path, table, rows, columns=columns).rows

    assert (row["first_id"], row["verdict"]) == ("b", "second")


def test_a_file_that_dvc_does_not_watch_is_refused(tmp_path: Path) -> None:
    one = judge(path="elsewhere/given.jsonl")
    params = JudgeParams(judges=(one,))

    with pytest.raises(InputError, match="data/imported/judgments"):
        read_context(one, params, tmp_path, RESPONSES)


def test_verdicts_may_name_the_ids_of_the_imported_table_of_responses(tmp_path: Path) -> None:
    texts = {"a": "one", "b": "<think>so</think>two"}
    own = [
        {"response_id": name, "prompt_id": PROMPT_ID, "model": "m", "sample_index": at,
         "parent_id": None, "text": text.split(">")[-1]}
        for at, (name, text) in enumerate(texts.items())
    ]  # fmt: skip
    question = prompt().messages[-1]["content"]
    theirs, given = tmp_path / "theirs.csv", tmp_path / "given.csv"
    rows = [
        f"{number},{question},{text}" for number, text in zip((81, 82), texts.values(), strict=True)
    ]
    theirs.write_text("\n".join(["nr,prompt,answer", *rows, ""]))
    given.write_text("first_id,second_id,verdict\n82,81,first\n81,99,first\n")
    one = judge(answers={"path": "theirs.csv", "columns": {"id": "nr", "text": "answer"}})
    assert one.answers is not None
    table = read_imported(one, given, own, read_answers(one.answers, theirs))

    assert verdicts_of(table) == {("b", "a"): "first"}
    assert draft_table(table.left_out)["reason"].to_pylist() == ["unknown_response"]


def test_an_id_of_two_answers_and_one_without_a_prompt_are_named(tmp_path: Path) -> None:
    path = tmp_path / "theirs.csv"
    for rows, problem in (
        ("1,p,a\n1,p,b\n", "line 3: id '1' is there twice"),
        (",p,a\n", "line 2: no id"),
        ("1,,a\n", "line 2: no prompt"),
    ):
        path.write_text(f"id,prompt,text\n{rows}")
        with pytest.raises(InputError, match=problem):
            read_answers(AnswersTable(path="theirs.csv"), path)
