from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from prefline.tables import RESPONSES, TableWriter, table_from_rows
from prefline.tables.answered import AnsweredPrompts, ListedAnswers, StoredAnswers
from prefline.tables.draft import Draft, draft_table, read_draft
from prefline.tables.parts import regroup
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


def test_rows_of_a_draft_come_back_however_they_came(tmp_path: Path) -> None:
    schema = pa.schema([pa.field("n", pa.int64(), nullable=False)])
    with Draft(tmp_path / "of rows", schema) as draft:
        draft.add({"n": number} for number in range(10))
    with Draft(tmp_path / "of tables", schema) as other:
        for start, end in ((0, 4), (4, 4), (4, 10)):
            other.write(pa.table({"n": range(start, end)}, schema))

    assert [*regroup(read_draft(draft.path))] == [*regroup(read_draft(other.path))]
    assert draft_table(draft.path)["n"].to_pylist() == [*range(10)]
    assert draft.num_rows == other.num_rows == 10
