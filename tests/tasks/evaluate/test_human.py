from __future__ import annotations

import random
import re
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from prefline.config import HumanPairs
from prefline.errors import InputError
from prefline.tables.prompts import prompt_from_row
from tasks.evaluate.human import read_human
from tests.tasks.evaluate.material import human, write_jsonl

PAGE = Path(__file__).parents[3] / "docs" / "human-labels.md"
SIDED = {"prompt": "p", "response_a": "one", "response_b": "two"}
COLUMNS = {"prompt": "p", "chosen": "good", "rejected": "bad"}

# A row of each public set, as it is published.
PUBLIC: dict[str, tuple[dict[str, Any], tuple[str, str, str, str]]] = {
    "reward-bench": (
        {"prompt": "How?", "chosen": "So.", "chosen_model": "m", "rejected": "No.",
         "rejected_model": "n", "subset": "alpacaeval-easy", "id": 3},
        ("How?", "So.", "No.", "alpacaeval-easy"),
    ),
    "hh-harmless": (
        {"chosen": "\n\nHuman: How?\n\nAssistant: So.",
         "rejected": "\n\nHuman: How?\n\nAssistant: No."},
        ("How?", "So.", "No.", "uncategorised"),
    ),
    "hhh-honest": (
        {"input": "How?", "targets": {"choices": ["So.", "No."], "labels": [1, 0]}},
        ("How?", "So.", "No.", "uncategorised"),
    ),
    "judge-bench": (
        {"pair_id": "x", "original_id": 1420, "source": "mmlu-pro-law", "question": "How?",
         "response_model": "m", "response_A": "No.", "response_B": "So.", "label": "B>A"},
        ("How?", "So.", "No.", "mmlu-pro-law"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_set_is_read_by_the_entry_that_the_page_gives(tmp_path: Path, name: str) -> None:
    entries = [
        yaml.safe_load(one) for one in re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.S)
    ]
    (entry,) = [one for one in entries if one["name"] == name]
    row, said = PUBLIC[name]
    path = tmp_path / entry["path"]
    path.parent.mkdir(parents=True)
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist([row]), path)
    else:
        write_jsonl(tmp_path, [row], path.name)
    (found,) = read_human(HumanPairs.model_validate(entry), tmp_path).pairs

    assert (found.messages[-1]["content"], found.chosen, found.rejected, found.category) == said
    assert found.p_chosen == 1


def test_a_pair_has_the_id_that_the_line_gives_its_prompt(tmp_path: Path) -> None:
    (found,) = human(tmp_path, COLUMNS).pairs

    assert found.prompt_id == prompt_from_row({"prompt": "p"}, "", "").prompt_id


def turn(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(
            {"prompt": "p", "chosen": [turn("user", "p"), turn("assistant", "good")],
             "rejected": [turn("user", "p"), turn("assistant", "bad")]},
            id="whole dialogues",
        ),
        pytest.param(
            {"prompt": [turn("user", "p")], "chosen": [turn("assistant", "good")],
             "rejected": [turn("assistant", "bad")]},
            id="as the pipeline publishes them",
        ),
        pytest.param({"messages": [turn("user", "p")], "chosen": "good", "rejected": "bad"},
                     id="messages and text"),
    ],
)  # fmt: skip
def test_answers_may_be_lists_of_messages(tmp_path: Path, row: dict[str, Any]) -> None:
    assert human(tmp_path, row).pairs == human(tmp_path, COLUMNS).pairs


def test_the_answers_of_a_sided_table_may_be_whole_conversations(tmp_path: Path) -> None:
    row = {
        "response_a": [turn("user", "p"), turn("assistant", "bad")],
        "response_b": [turn("user", "p"), turn("assistant", "good")],
        "label": "b",
    }

    assert human(tmp_path, row, layout="sided").pairs == human(tmp_path, COLUMNS).pairs


def test_a_transcript_keeps_the_turns_before_the_last(tmp_path: Path) -> None:
    before = "\n\nHuman: a\n\nAssistant: b\n\nHuman: c: d\n\ne\n\nAssistant: "
    (found,) = human(
        tmp_path, {"chosen": before + "f ", "rejected": before + "g"}, layout="transcripts"
    ).pairs

    assert [tuple(one.values()) for one in found.messages] == [
        ("user", "a"), ("assistant", "b"), ("user", "c: d\n\ne"),
    ]  # fmt: skip
    assert (found.chosen, found.rejected) == ("f", "g")


def test_line_ends_of_another_system_are_line_ends(tmp_path: Path) -> None:
    before = "\r\n\r\nHuman: a\r\n\r\nAssistant: "
    (found,) = human(
        tmp_path, {"chosen": before + "f", "rejected": before + "g"}, layout="transcripts"
    ).pairs

    assert (found.chosen, found.rejected) == ("f", "g")


def test_several_answers_in_a_row_are_hinted_at(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a list of texts(.|\n)*unnest\(chosen\)"):
        human(tmp_path, {"prompt": "p", "chosen": ["a"], "rejected": ["b", "c", "d"]})


@pytest.mark.parametrize(
    ("word", "labels", "chosen"),
    [
        pytest.param("a", {}, "one", id="our own word"),
        pytest.param("B>A", {"B>A": "b"}, "two", id="text"),
        pytest.param(1, {"1": "a", "0": "b"}, "one", id="whole number"),
        pytest.param(0.0, {"1": "a", "0": "b"}, "two", id="float"),
        pytest.param(False, {"true": "a", "false": "b"}, "two", id="boolean"),
    ],
)
def test_a_label_names_a_side_by_the_words_of_the_table(
    tmp_path: Path, word: Any, labels: dict[str, str], chosen: str
) -> None:
    (found,) = human(tmp_path, SIDED | {"label": word}, layout="sided", labels=labels).pairs

    assert found.chosen == chosen


def test_how_sure_the_label_is_comes_from_a_column(tmp_path: Path) -> None:
    rows = [COLUMNS | {"share": 0.75}, COLUMNS | {"share": 1}, COLUMNS | {"share": None}]
    found = human(tmp_path, *rows, columns={"p_chosen": "share"})

    assert [one.p_chosen for one in found.pairs] == [0.75, 1.0, 1.0]


def said(*turns: str) -> str:
    return "".join(f"\n\n{who}: {what}" for who, what in zip(turns[::2], turns[1::2], strict=True))


@pytest.mark.parametrize(
    ("reason", "layout", "row"),
    [
        ("same_text", "columns", COLUMNS | {"rejected": " good\n"}),
        ("empty", "columns", COLUMNS | {"rejected": " "}),
        ("tie", "columns", COLUMNS | {"p_chosen": 0.5}),
        ("tie", "sided", SIDED | {"label": "tie"}),
        ("no_answer", "columns", COLUMNS | {"chosen": [turn("user", "p")]}),
        ("no_answer", "columns", COLUMNS | {"chosen": []}),
        ("diverging_dialogue", "transcripts", {
            "chosen": said("Human", "a", "Assistant", "b"),
            "rejected": said("Human", "c", "Assistant", "d")}),
        ("diverging_dialogue", "transcripts", {
            "chosen": said("Human", "a", "Assistant", "b"),
            "rejected": said("Human", "a", "Assistant", "b", "Human", "c", "Assistant", "d")}),
        ("no_answer", "transcripts", {
            "chosen": said("Human", "a", "Assistant", "b", "Human", "c"),
            "rejected": said("Human", "a", "Assistant", "d")}),
        ("empty", "transcripts", {
            "chosen": said("Human", "a", "Assistant", "b"),
            "rejected": said("Human", "a", "Assistant", "")}),
        ("no_prompt", "transcripts", {
            "chosen": said("Assistant", "b"), "rejected": said("Assistant", "d")}),
    ],
)  # fmt: skip
def test_a_row_that_is_no_pair_is_rejected_with_its_reason_and_place(
    tmp_path: Path, reason: str, layout: str, row: dict[str, Any]
) -> None:
    found = human(tmp_path, row, layout=layout)

    assert found.pairs == ()
    (rejection,) = found.rejections
    assert (rejection.stage, rejection.kind, rejection.reason) == ("evaluate", "pair", reason)
    assert "t.jsonl, row 1" in str(rejection.detail)


@pytest.mark.parametrize(
    ("layout", "row", "field"),
    [
        ("columns", {"prompt": "p", "chosen": "good"}, "rejected"),
        ("columns", {"chosen": "good", "rejected": "bad"}, "prompt"),
        ("columns", COLUMNS | {"chosen": 3}, "chosen"),
        ("columns", COLUMNS | {"chosen": [{"role": "x", "content": "y"}]}, "chosen"),
        ("columns", COLUMNS | {"messages": [{"role": "user"}]}, "messages"),
        ("columns", COLUMNS | {"category": 3}, "category"),
        ("columns", COLUMNS | {"p_chosen": 0.4}, "p_chosen"),
        ("columns", COLUMNS | {"p_chosen": "sure"}, "p_chosen"),
        ("columns", COLUMNS | {"p_chosen": True}, "p_chosen"),
        ("transcripts", {"chosen": "Well", "rejected": said("Human", "a")}, "chosen"),
        ("transcripts", {"chosen": [], "rejected": said("Human", "a")}, "chosen"),
        ("sided", SIDED, "label"),
        ("sided", SIDED | {"label": "A>B"}, "label"),
    ],
)
def test_a_row_that_cannot_be_read_names_file_row_and_field(
    tmp_path: Path, layout: str, row: dict[str, Any], field: str
) -> None:
    with pytest.raises(InputError, match=rf"t\.jsonl, row 1: field '{field}'"):
        human(tmp_path, row, layout=layout)


def test_an_error_names_the_column_of_the_table(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"field 'targets\.labels\.0' is missing"):
        human(
            tmp_path,
            SIDED | {"targets": {"labels": []}},
            layout="sided",
            columns={"label": "targets.labels.0"},
        )


def test_a_mapped_column_that_no_row_has_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no row has a value in 'subsett'"):
        human(tmp_path, COLUMNS | {"subset": "x"}, columns={"category": "subsett"})


def test_a_file_outside_of_the_watched_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not in data/imported/human"):
        human(tmp_path, COLUMNS, path="elsewhere/t.jsonl")


@pytest.mark.parametrize(
    "section",
    [
        pytest.param({"columns": {"response_a": "x"}}, id="a column of another layout"),
        pytest.param({"labels": {"x": "a"}}, id="labels without sides"),
        pytest.param({"layout": "sided", "labels": {"x": "c"}}, id="a third side"),
    ],
)
def test_params_that_do_not_fit_the_layout_are_refused(section: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        HumanPairs.model_validate({"name": "t", "path": "t.jsonl"} | section)


@settings(max_examples=15, deadline=None)
@given(
    answers=st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("abcd ")), max_size=12),
    most=st.integers(1, 8),
    seed=st.integers(0, 9),
)
def test_every_row_is_accounted_for_and_the_draw_knows_no_order(
    answers: list[tuple[str, str]], most: int, seed: int
) -> None:
    rows = [COLUMNS | {"prompt": c, "chosen": c, "rejected": r} for c, r in answers]
    shuffled = random.Random(seed).sample(rows, len(rows))
    with tempfile.TemporaryDirectory() as folder:
        found = human(Path(folder), *rows, max_pairs=most)
        again = human(Path(folder), *shuffled, max_pairs=most)

    assert found.n_rows == again.n_rows == len(rows)
    assert len(found.pairs) == min(most, len(rows) - len(found.rejections))
    assert sorted(map(str, found.pairs)) == sorted(map(str, again.pairs))
