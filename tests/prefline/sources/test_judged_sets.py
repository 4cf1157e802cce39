"""Public sets, read by rows of the shape in which each is published."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from prefline.audit.report import audit_table
from prefline.audit.sets import read_set
from prefline.config import LAYOUTS, GenerateParams, HumanPairs
from prefline.errors import InputError
from prefline.sources.files import FileSource
from prefline.sources.judged_sets import JudgedRow, SetVerdict, UnusableRow, read_judged_row
from prefline.tables.draft import draft_table
from prefline.tables.prompts import Prompt, prompt_from_row
from tasks.evaluate.human import read_human
from tasks.generate.imports import read_imports
from tasks.judge.imported_table import read_imported
from tasks.judge.methods.imported import ImportedJudge
from tasks.sample.read import SourceReading, read_prompts
from tests.prefline.config.temporary_package import install_package
from tests.recipes import recipe

Row = dict[str, Any]


def user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def assistant(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


@dataclass(frozen=True)
class Case:
    """A row as it is published, and what it says."""

    row: Row
    answers: tuple[str, ...] = ("So.", "No.")
    sides: tuple[str, ...] = ("first",)
    models: tuple[str | None, ...] = (None, None)
    category: str | None = None
    prompt: str = "How?"


BATTLE: Row = {
    "question_id": "x", "model_a": "m", "model_b": "n", "winner": "model_b", "turn": 1,
    "conversation_a": [user("How?"), assistant("So.")],
    "conversation_b": [user("How?"), assistant("No.")],
}  # fmt: skip
PKU: Row = {
    "prompt": "How?", "response_0": "So.", "response_1": "No.", "prompt_source": "BeaverTails",
    "response_0_source": "Alpaca-7B", "response_1_source": "Alpaca2-7B",
    "is_response_0_safe": True, "is_response_1_safe": True,
    "better_response_id": 1, "safer_response_id": 0,
}  # fmt: skip
SETS: dict[str, Case] = {
    "hh_rlhf": Case({"chosen": "\n\nHuman: How?\n\nAssistant: So.",
                     "rejected": "\n\nHuman: How?\n\nAssistant: No."}),
    "helpsteer3": Case(
        {"domain": "stem", "language": "english", "context": [user("How?")], "response1": "So.",
         "response2": "No.", "overall_preference": -2,
         "individual_preference": [{"score": -2, "reasoning": "...", "feedback1": "...",
                                    "feedback2": "..."}]},
        category="stem",
    ),
    "pku_saferlhf": Case(PKU, sides=("second",), models=("Alpaca-7B", "Alpaca2-7B")),
    "pku_saferlhf_safer": Case(PKU, models=("Alpaca-7B", "Alpaca2-7B")),
    "ultrafeedback": Case(
        {"source": "evol_instruct", "instruction": "How?", "models": ["m", "n", "o"],
         "completions": [
             {"model": "m", "response": "So.", "overall_score": 8.5, "critique": "..."},
             {"model": "n", "response": "No.", "overall_score": 3.0, "critique": "..."},
             {"model": "o", "response": "Hm.", "overall_score": 3.0, "critique": "..."},
         ], "correct_answers": ["None"], "incorrect_answers": ["None"]},
        answers=("So.", "No.", "Hm."), sides=("first", "first", "tie"), models=("m", "n", "o"),
        category="evol_instruct",
    ),
    "ultrafeedback_binarized": Case(
        {"prompt": "How?", "prompt_id": "x", "chosen": [user("How?"), assistant("So.")],
         "rejected": [user("How?"), assistant("No.")], "score_chosen": 8.0, "score_rejected": 4.0},
    ),
    "nectar": Case(
        {"prompt": "\n\nHuman: How?\n\nAssistant: ", "turns": 1, "num_responses": 2,
         "answers": [{"answer": "So.", "model": "m", "rank": 2.0},
                     {"answer": "No.", "model": "n", "rank": 1.0}],
         "source": ["anthropic-hh"], "good_natured": True},
        sides=("second",), models=("m", "n"),
    ),
    "arena": Case(
        {**BATTLE, "winner": "both_bad", "language": "en",
         "conversation_a": [{"role": "user", "content": [{"type": "text", "text": "How?"}]},
                            {"role": "assistant", "content": [{"type": "text", "text": "So."}]}]},
        sides=("tie",), models=("m", "n"), category="en",
    ),
    "arena_55k": Case(
        {"id": 30192, "model_a": "m", "model_b": "n", "prompt": '["How?"]',
         "response_a": '["So."]', "response_b": '["No."]', "winner_model_a": 1,
         "winner_model_b": 0, "winner_tie": 0},
        models=("m", "n"),
    ),
    "mt_bench": Case(
        {**BATTLE, "question_id": 81, "judge": "author_2",
         "conversation_a": [user("How?"), assistant("So."), user("And?"), assistant("a")],
         "conversation_b": [user("How?"), assistant("No."), user("And?"), assistant("b")]},
        sides=("second",), models=("m", "n"),
    ),
    "pandalm": Case(
        {"idx": 0, "motivation_app": "Grammarly", "cmp_key": "bloom-7b_llama-7b",
         "instruction": "How?", "input": float("nan"), "response1": "So.", "response2": "No.",
         "annotator1": 2, "annotator2": 0, "annotator3": 2},
        sides=("second", "tie", "second"), models=("bloom-7b", "llama-7b"), category="Grammarly",
    ),
    "auto_j": Case(
        {"scenario": "planning", "label": 2, "prompt": "How?", "response 1": "So.",
         "response 2": "No."},
        sides=("tie",), category="planning",
    ),
    "llmbar": Case({"input": "How?", "output_1": "So.", "output_2": "No.", "label": 2},
                   sides=("second",)),
    "judge_bench": Case(
        {"pair_id": "x", "original_id": 1420, "source": "mmlu-pro-law", "question": "How?",
         "response_model": "m", "response_A": "So.", "response_B": "No.", "label": "B>A"},
        sides=("second",), category="mmlu-pro-law",
    ),
    "reward_bench": Case(
        {"prompt": "How?", "chosen": "So.", "chosen_model": "m", "rejected": "No.",
         "rejected_model": "n", "subset": "alpacaeval-easy", "id": 3},
        models=("m", "n"), category="alpacaeval-easy",
    ),
    "reward_bench_2": Case(
        {"id": "1", "prompt": "How?", "chosen": ["So."], "rejected": ["No.", "Hm.", "Eh."],
         "num_correct": 1, "num_incorrect": 3, "total_completions": 4,
         "models": ["m", "n", "o", "p"], "subset": "Math",
         "additional_metadata": {"method": "math"}},
        answers=("So.", "No.", "Hm.", "Eh."), sides=("first",) * 3, models=("m", "n", "o", "p"),
        category="Math",
    ),
}  # fmt: skip


def test_every_built_in_layout_is_tried() -> None:
    assert list(SETS) == list(LAYOUTS.builtin)


@pytest.mark.parametrize("name", SETS)
def test_a_set_is_read_as_it_is_published(name: str) -> None:
    case = SETS[name]
    judged = read_judged_row(name, "row 1", case.row)

    assert isinstance(judged, JudgedRow)
    assert judged.messages == (user(case.prompt),)
    assert tuple(answer.text for answer in judged.answers) == case.answers
    assert tuple(answer.model for answer in judged.answers) == case.models
    assert tuple(verdict.side for verdict in judged.verdicts) == case.sides
    assert judged.category == case.category


@pytest.mark.parametrize(("name", "column"), [(n, c) for n in SETS for c in LAYOUTS.get(n).columns])
def test_a_row_without_a_column_of_its_layout_is_an_error_that_names_both(
    name: str, column: str
) -> None:
    row = {key: value for key, value in SETS[name].row.items() if key != column}
    with pytest.raises(InputError) as caught:
        read_judged_row(name, "x.jsonl, row 7", row)

    assert f"x.jsonl, row 7: there is no column {column!r}, which the layout {name} has" in str(
        caught.value
    )


def read(name: str, **changes: Any) -> JudgedRow | UnusableRow:
    return read_judged_row(name, "row 1", {**SETS[name].row, **changes})


@pytest.mark.parametrize(
    ("name", "changes", "said"),
    [
        ("llmbar", {"label": 3}, "field 'label' is 3, not one of 1, 2"),
        ("pku_saferlhf", {"response_1": None}, "field 'response_1' is empty"),
        ("helpsteer3", {"overall_preference": "good"}, "field 'overall_preference' is 'good'"),
        ("hh_rlhf", {"chosen": "So."}, "begins with 'So.', not with a turn"),
        ("nectar", {"answers": [{"answer": "So."}]}, r"answers\[0\]: there is no column 'rank'"),
        ("arena", {"winner": "m"}, "field 'winner' is 'm', not one of model_a"),
        ("arena_55k", {"winner_tie": 1}, "do not name one winner"),
        ("ultrafeedback_binarized", {"chosen": "So."}, "field 'chosen' is no list"),
        ("mt_bench", {"turn": None}, "field 'turn' is None, not a number"),
    ],
)
def test_a_cell_that_cannot_be_read_is_an_error(name: str, changes: Row, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read(name, **changes)


@pytest.mark.parametrize(
    ("name", "changes", "reason"),
    [
        ("mt_bench", {"turn": 2}, "diverging_dialogue"),
        ("hh_rlhf", {"rejected": "\n\nHuman: Why?\n\nAssistant: No."}, "diverging_dialogue"),
        ("arena", {"conversation_a": [user("How?")]}, "no_answer"),
        ("arena_55k", {"response_b": "[null]"}, "empty"),
        ("nectar", {"prompt": "\n\nAssistant: "}, "no_prompt"),
        ("ultrafeedback", {"completions": []}, "no_answer"),
        ("arena", {"conversation_a": [{"role": "user", "content": [{"type": "image"}]}]},
         "not_text"),
    ],
)  # fmt: skip
def test_a_row_that_is_no_pair_says_why(name: str, changes: Row, reason: str) -> None:
    found = read(name, **changes)

    assert isinstance(found, UnusableRow)
    assert found.reason == reason


def test_annotators_are_named_where_the_set_names_them() -> None:
    pandalm, bench = read("pandalm"), read("mt_bench")

    assert isinstance(pandalm, JudgedRow)
    assert isinstance(bench, JudgedRow)
    assert [one.annotator for one in pandalm.verdicts] == ["annotator1", "annotator2", "annotator3"]
    assert bench.verdicts == (SetVerdict(0, 1, "second", "author_2"),)


# Wherever such sets are read


FOLDER = "data/imported/sets"


def project(root: Path, name: str, *rows: Row) -> str:
    path = root / FOLDER / f"{name}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(row) + "\n" for row in rows or [SETS[name].row])
    path.write_text(text.replace("NaN", "null"))
    return f"{FOLDER}/{name}.jsonl"


def with_parents(rows: list[Row]) -> list[Row]:
    """Responses as the table has them."""
    return [{"parent_id": None, **row} for row in rows]


def verdicts_of(judge: ImportedJudge, path: Path, responses: list[Row]) -> list[Row]:
    """The verdicts of a set, as they are kept for judging."""
    table = read_imported(judge, path, with_parents(responses))
    return pq.read_table(table.verdicts).to_pylist()


@pytest.mark.parametrize("name", SETS)
def test_one_file_gives_prompts_responses_verdicts_and_human_pairs(
    tmp_path: Path, name: str
) -> None:
    path, case = project(tmp_path, name), SETS[name]
    source = FileSource(name="theirs", path=path, layout=name)
    (prompt,) = read_prompts(source, tmp_path, SourceReading("theirs"))
    assert isinstance(prompt, Prompt)
    assert prompt.text == case.prompt
    assert prompt.category == (case.category or "uncategorised")

    generate = GenerateParams.model_validate({"imported": [{"path": path, "layout": name}]})
    imported = read_imports([prompt], generate, tmp_path)
    assert sorted(row["text"] for row in imported.rows) == sorted(case.answers)
    assert {row["model"] for row in imported.rows} == {model or name for model in case.models}
    assert not imported.rejections

    judge = ImportedJudge(name="them", method="imported", kind="human", path=path, layout=name)
    verdicts = verdicts_of(judge, tmp_path / path, imported.rows)
    annotators = 3 if name == "pandalm" else 1
    assert len(verdicts) == len(case.sides) / annotators

    human = HumanPairs(name="them", path=path, layout=name)
    table = read_human(human, tmp_path)
    decided = [side for side in case.sides if side != "tie"]
    assert len(table.pairs) == len(decided)
    assert [one.reason for one in table.rejections] == ["tie"] * case.sides.count("tie")
    for side, pair in zip(decided, table.pairs, strict=True):
        assert pair.prompt_id == prompt.prompt_id
        assert (pair.chosen == case.answers[0]) == (side == "first")


def test_a_row_that_is_no_pair_is_a_rejection_of_each_stage(tmp_path: Path) -> None:
    rows = [SETS["mt_bench"].row, {**SETS["mt_bench"].row, "turn": 2}]
    path = project(tmp_path, "mt_bench", *rows)
    reading = SourceReading("theirs")
    source = FileSource(name="theirs", path=path, layout="mt_bench")
    prompt, rejected = read_prompts(source, tmp_path, reading)
    assert isinstance(prompt, Prompt)
    assert not isinstance(rejected, Prompt)
    assert rejected.reason == "diverging_dialogue"
    assert "mt_bench.jsonl, row 2" in rejected.detail
    generate = GenerateParams.model_validate({"imported": [{"path": path, "layout": "mt_bench"}]})
    imported = read_imports([prompt], generate, tmp_path)
    assert [one.reason for one in imported.rejections] == ["diverging_dialogue"]
    judge = ImportedJudge(name="them", method="imported", path=path, layout="mt_bench")
    table = read_imported(judge, tmp_path / path, with_parents(imported.rows))
    assert draft_table(table.left_out)["reason"].to_pylist() == ["diverging_dialogue"]


def test_several_verdicts_on_a_pair_become_one_with_their_share(tmp_path: Path) -> None:
    row = SETS["mt_bench"].row
    turned = {
        **row, "judge": "expert_1", "winner": "model_a",
        "model_a": row["model_b"], "model_b": row["model_a"],
        "conversation_a": row["conversation_b"], "conversation_b": row["conversation_a"],
    }  # fmt: skip
    tie = {**row, "judge": "expert_2", "winner": "tie"}
    path = project(tmp_path, "mt_bench", row, turned, tie)
    prompt = prompt_from_row({"prompt": "How?"}, "", "")
    generate = GenerateParams.model_validate({"imported": [{"path": path, "layout": "mt_bench"}]})
    responses = read_imports([prompt], generate, tmp_path)
    assert [one.reason for one in responses.rejections] == ["duplicate"] * 4
    judge = ImportedJudge(name="them", method="imported", path=path, layout="mt_bench")
    (said,) = verdicts_of(judge, tmp_path / path, responses.rows)
    assert said["verdict"] == "second"
    assert said["p_first"] == pytest.approx(1 / 6)
    assert (said["votes_second"], said["votes_tie"]) == (2, 1)

    one = judge.model_copy(update={"rows": {"judge": "expert_2"}})
    (said,) = verdicts_of(one, tmp_path / path, responses.rows)
    assert (said["verdict"], said["p_first"]) == ("tie", None)


def test_audit_and_label_read_a_set_with_its_annotators_as_judges(tmp_path: Path) -> None:
    path = project(tmp_path, "pandalm")
    said = read_set(tmp_path / path, "pandalm")
    report = audit_table(said.table, "pandalm")

    assert said.by_people
    assert list(report["judges"]) == ["annotator1", "annotator2", "annotator3"]
    assert (report["n_verdicts"], report["n_pairs"]) == (3, 1)
    assert set(report["models"]) == {"bloom-7b", "llama-7b"}
    with pytest.raises(InputError, match="there is no layout 'panda'"):
        read_set(tmp_path / path, "panda")


def test_what_a_set_cannot_say_is_counted(tmp_path: Path) -> None:
    same = {**PKU, "response_1": "So."}
    path = project(tmp_path, "pku_saferlhf", PKU, same)

    assert read_set(tmp_path / path, "pku_saferlhf").left_out == {"same_text": 1}


def test_a_layout_of_another_package_is_named_like_a_built_in_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin = {"ours": ("OURS", recipe("A layout of a public set"))}
    install_package(tmp_path, monkeypatch, "prefline.layouts", plugin)
    row = {"question": "How?", "left": "So.", "right": "No.", "better": "R"}
    judged = read_judged_row("ours", "row 1", row)

    assert isinstance(judged, JudgedRow)
    assert [verdict.side for verdict in judged.verdicts] == ["second"]
    source = {"name": "a", "path": "b.jsonl", "layout": "our"}
    with pytest.raises(ValidationError, match="no layout 'our'; did you mean 'ours'"):
        FileSource.model_validate(source)
