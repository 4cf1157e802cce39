"""Preferences written with their texts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from prefline.config import PairParams
from prefline.errors import TableError
from prefline.tables import JUDGMENTS, PROMPTS, RESPONSES, read_table, table_from_rows
from prefline.tables.schemas import with_turns
from tasks.pair import label_pairs, open_pairs, write_labels, write_preferences
from tests.prefline.labeling.judgments import judgment

PARAMS = PairParams(min_p_chosen=0.51)


def written(folder: Path, responses: pa.Table, prompts: pa.Table) -> list[dict[str, Any]]:
    """The preferences of 20 pairs of which two judges say that the lower id is better."""
    judgments = table_from_rows(
        [
            judgment(f"{at:03d}{one}", f"{at:03d}{other}", said, judge=judge, prompt=f"p{at:03d}")
            for at in range(20)
            for judge in ("x", "y")
            for one, other, said in (("a", "b", "first"), ("b", "a", "second"))
        ],
        JUDGMENTS,
    )
    with open_pairs(judgments, responses, prompts) as tables:
        write_labels(tables, label_pairs(tables, PARAMS).final, PARAMS)
        count = write_preferences(tables, folder)
    rows: list[dict[str, Any]] = read_table(folder).to_pylist()
    assert len(rows) == count
    return rows


def materials(schema: pa.Schema) -> tuple[pa.Table, pa.Table]:
    names = [f"{at:03d}{side}" for at in range(20) for side in "ab"]
    responses = [
        {"response_id": name, "prompt_id": f"p{name[:3]}", "text": f"text {name}",
         "model": f"model {name[-1]}"}
        for name in names
    ]  # fmt: skip
    return table_from_rows(responses, schema), table_from_rows(
        [{"prompt_id": f"p{at:03d}", "messages": [{"role": "user", "content": f"ask {at:03d}"}],
          "category": "c", "source": "s"} for at in range(20)],
        PROMPTS,
    )  # fmt: skip


def test_each_preference_has_the_texts_of_its_own_prompt_and_responses(tmp_path: Path) -> None:
    rows = written(tmp_path / "preferences", *materials(RESPONSES))

    assert [row["pair_id"] for row in rows] == sorted(row["pair_id"] for row in rows)
    assert len(rows) == 20
    for row in rows:
        number = row["prompt_id"][1:]
        assert row["prompt"] == [{"role": "user", "content": f"ask {number}"}]
        assert row["chosen"] == [{"role": "assistant", "content": f"text {number}a"}]
        assert row["rejected"] == [{"role": "assistant", "content": f"text {number}b"}]
        assert (row["chosen_model"], row["rejected_model"]) == ("model a", "model b")


def test_answers_of_several_turns_stay_turns(tmp_path: Path) -> None:
    responses, prompts = materials(with_turns(RESPONSES))
    at = responses.column_names.index("turns")
    kind = responses.schema.field("turns").type
    turns = pa.array([[{"role": "tool", "content": "4"}], *[None] * 39], kind)
    responses = responses.set_column(at, responses.schema.field(at), turns)
    rows = written(tmp_path / "preferences", responses, prompts)

    by_prompt = {row["prompt_id"]: row for row in rows}
    assert by_prompt["p000"]["chosen"][0]["role"] == "tool"
    assert by_prompt["p001"]["chosen"][0]["content"] == "text 001a"


def test_a_pair_whose_response_is_in_no_table_is_an_error_that_names_it(tmp_path: Path) -> None:
    responses, prompts = materials(RESPONSES)

    with pytest.raises(TableError, match="rejected_id 019b is in no table"):
        written(tmp_path / "preferences", responses.slice(0, 39), prompts)
    assert not (tmp_path / "preferences").exists()
