from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from prefline.tables import RESPONSES, TableWriter, table_from_rows
from prefline.tables.answered import AnsweredPrompts, ListedAnswers, StoredAnswers
from prefline.tables.draft import Draft, draft_table, in_groups, read_draft
from prefline.tables.prompts import Prompt, write_prompts
from tests.tasks.judge.material import prompt

PROMPTS = [prompt(f"Question {number}?", None if number % 2 else prompt().verifier)
           for number in range(7)]  # fmt: skip


def row(of: str, number: int) -> dict[str, Any]:
    return {
        "response_id": f"{of}-{number}", "prompt_id": of, "model": f"m{number % 2}",
        "sample_index": number, "text": f"text {number} of {of}", "finish_reason": "stop",
        "origin": "sampled",
    }  # fmt: skip


SAMPLED = [row(one.prompt_id, number) for one in PROMPTS[1:] for number in range(3)]
IMPORTED = [row(one.prompt_id, 7) for one in (PROMPTS[5], PROMPTS[0], PROMPTS[2])]
STRAY = row("of no prompt", 1)


def stored(folder: Path, rows: list[dict[str, Any]]) -> StoredAnswers:
    write_prompts(folder / "prompts", PROMPTS)
    with TableWriter(folder / "responses", RESPONSES, rows_per_part=5) as table:
        for start in range(0, len(rows), 5):
            table.write(table_from_rows(rows[start : start + 5], RESPONSES))
    return StoredAnswers(folder / "prompts", folder / "responses", folder / "scratch")


def shown(answered: AnsweredPrompts, only: Any = None) -> list[tuple[int, Prompt, list[str]]]:
    return [
        (number, asked, [each["text"] for each in responses])
        for number, asked, responses in answered.read(only)
    ]


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(SAMPLED, id="in the prompts' order"),
        pytest.param([*SAMPLED, *IMPORTED], id="imported ones at the end"),
        pytest.param([*SAMPLED[:4], STRAY, *SAMPLED[4:]], id="one of an unknown prompt"),
        pytest.param([], id="none"),
    ],
)
def test_stored_tables_are_read_as_those_in_memory(
    tmp_path: Path, rows: list[dict[str, Any]]
) -> None:
    found, expected = stored(tmp_path, rows), ListedAnswers(PROMPTS, rows)
    some = np.array([number % 3 == 0 for number in range(len(PROMPTS))])

    assert shown(found) == shown(expected) == shown(found)
    assert shown(found, some) == shown(expected, some)
    assert found.counts.tolist() == expected.counts.tolist()
    assert found.verified.tolist() == expected.verified.tolist()
    assert found.rank.tolist() == expected.rank.tolist()
    assert found.models == expected.models
    assert [each["text"] for each in found.rows()] == [each["text"] for each in rows]
    assert found.lengths() == expected.lengths()


def test_rows_of_a_draft_come_back_in_groups_that_do_not_show_how_they_came(
    tmp_path: Path,
) -> None:
    schema = pa.schema([pa.field("n", pa.int64(), nullable=False)])
    with Draft(tmp_path / "of rows", schema) as draft:
        draft.add({"n": number} for number in range(10))
    with Draft(tmp_path / "of tables", schema) as other:
        for start, end in ((0, 4), (4, 4), (4, 10)):
            other.write(pa.table({"n": range(start, end)}, schema))
    groups = [list(in_groups(read_draft(one.path), schema, 4)) for one in (draft, other)]

    assert groups[0] == groups[1]
    assert [group["n"].to_pylist() for group in groups[0]] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert all(group["n"].num_chunks == 1 for group in groups[1])
    assert draft.num_rows == other.num_rows == draft_table(draft.path).num_rows == 10


def test_turns_are_read_with_their_answers_in_whatever_order(tmp_path: Path) -> None:
    turns = [{"role": "assistant", "content": "", "tool_calls": "[]"}]
    of = [prompt("a"), prompt("b")]
    rows = [row(of[1].prompt_id, 0), row(of[0].prompt_id, 1) | {"turns": turns}]
    write_prompts(tmp_path / "prompts", of)
    table = table_from_rows(rows, RESPONSES)
    with TableWriter(tmp_path / "responses", RESPONSES) as writer:
        writer.write(table)

    answered = StoredAnswers(tmp_path / "prompts", tmp_path / "responses", tmp_path / "scratch")

    (first,), (other,) = (one.responses for one in answered.read())
    assert first["turns"][0]["tool_calls"] == "[]"
    assert other["turns"] is None
