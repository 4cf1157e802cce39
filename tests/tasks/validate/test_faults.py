"""Each planted fault is found under its expectation, with the ids of its rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa
import pytest

from prefline.params import ValidateParams
from prefline.tables import PREFERENCES
from tasks.validate.expectations import Expectations
from tasks.validate.run import SUITES, check_suite, find
from tests.tasks.validate.line import Line, good_line, message, preference

PARAMS = ValidateParams(min_preferences=10)


@dataclass(frozen=True)
class Fault:
    """What is done to a good line, and where it must be found. `also` are columns under
    which it is found too, because one fault breaks several promises."""

    name: str
    plant: Callable[[Line], object]
    table: str
    column: str | None
    ids: tuple[str, ...] = ()
    severity: str = "critical"
    also: tuple[str, ...] = ()


def change(table: str, row: int, **values: object) -> Callable[[Line], object]:
    return lambda line: line.change(table, row, **values)


def add(table: str, **values: object) -> Callable[[Line], object]:
    return lambda line: line.rows[table].append(line.rows[table][0] | values)


def change_all(table: str, **values: object) -> Callable[[Line], object]:
    return lambda line: [row.update(values) for row in line.rows[table]]


def answer(text: str, role: str = "assistant") -> list[dict[str, str]]:
    return [message(role, text)]


def split_prompt(line: Line) -> None:
    line.rows["preferences"].append(preference(3) | {"pair_id": "x3b", "split": "test"})


FAULTS = [
    Fault("duplicate prompt", add("prompts"), "prompts", "prompt_id", ("p0",)),
    Fault(
        "no messages", change("prompts", 1, messages=[]), "prompts", "messages_fault", ("p1",)
    ),
    Fault(
        "null messages", change("prompts", 1, messages=None), "prompts", "messages_fault", ("p1",)
    ),
    Fault(
        "unknown role",
        change("prompts", 2, messages=answer("Hi", "tool")),
        "prompts", "messages_fault", ("p2",),
    ),
    Fault("no category", change("prompts", 3, category=""), "prompts", "category", ("p3",)),
    Fault("null source", change("prompts", 3, source=None), "prompts", "source", ("p3",)),
    Fault(
        "null id",
        change("rejections", 3, id=None),
        "rejections", "id", ("row 4",),
    ),
    Fault(
        "response to an unknown prompt",
        add("responses", response_id="r9z", prompt_id="gone"),
        "responses", "unknown_prompt_id", ("r9z",),
    ),
    Fault(
        "revision of an unknown response",
        change("responses", 0, origin="revised", parent_id="gone"),
        "responses", "unknown_parent_id", ("r0a",),
    ),
    Fault(
        "revision of nothing",
        change("responses", 0, origin="revised"),
        "responses", "revision_of_nothing", ("r0a",),
    ),
    Fault("origin", change("responses", 1, origin="copied"), "responses", "origin", ("r0b",)),
    Fault(
        "negative tokens",
        change("responses", 2, output_tokens=-1),
        "responses", "output_tokens", ("r1a",),
    ),
    Fault(
        "negative cost", change("responses", 2, cost_usd=-0.1), "responses", "cost_usd", ("r1a",)
    ),
    Fault(
        "empty response", change("responses", 2, text=""), "responses", "text_length", ("r1a",), "warning"
    ),
    Fault(
        "truncated responses",
        lambda line: [
            line.rows["responses"].append(
                line.rows["responses"][0] | {"response_id": f"t{n}", "finish_reason": "length"}
            )
            for n in range(30)
        ],
        "responses", "truncated_too_often", ("t0", "t1", "t2", "t3", "t4"), "warning",
    ),
    Fault("duplicate judgment", add("judgments"), "judgments", "judgment_id", ("j0ab",)),
    Fault(
        "unknown verdict",
        change("judgments", 4, verdict="maybe"),
        "judgments", "verdict", ("j2ab",),
    ),
    Fault(
        "judgment of an unknown response",
        change("judgments", 4, second_id="gone"),
        "judgments", "unknown_second_id", ("j2ab",),
    ),
    Fault(
        "judgment across prompts",
        change("judgments", 4, second_id="r7a"),
        "judgments", "second_answers_other_prompt", ("j2ab",),
    ),
    Fault(
        "judgment of one response",
        change("judgments", 4, second_id="r2a"),
        "judgments", "same_on_both_sides", ("j2ab",),
    ),
    Fault("p_first", change("judgments", 5, p_first=1.5), "judgments", "p_first", ("j2ba",)),
    Fault(
        "p_first not a number",
        change("judgments", 5, p_first=float("nan")),
        "judgments", "p_first_not_a_number", ("j2ba",),
    ),
    Fault(
        "invalid without its reply",
        change("judgments", 5, verdict="invalid"),
        "judgments", "reply_not_kept", ("j2ba",),
    ),
    Fault(
        "too many invalid verdicts",
        change_all("judgments", verdict="invalid", rationale="I like both."),
        "judgments", "invalid_too_often", ("j0ab", "j0ba", "j1ab", "j1ba", "j2ab"),
    ),
    Fault(
        "too few preferences",
        lambda line: line.rows["preferences"].clear(),
        "preferences", None,
        # There is no median of nothing.
        also=("length_ratio",),
    ),
    Fault(
        "duplicate pair",
        change("preferences", 5, pair_id="x4"),
        "preferences", "pair_id", ("x4",),
    ),
    Fault("null margin", change("preferences", 5, margin=None), "preferences", "margin", ("x5",)),
    Fault(
        "wrong margin",
        change("preferences", 5, margin=1.0),
        "preferences", "margin_error", ("x5",),
    ),
    Fault(
        "p_chosen of a half",
        change("preferences", 5, p_chosen=0.5, margin=0.0),
        "preferences", "p_chosen", ("x5",),
    ),
    Fault(
        "p_chosen of one",
        change("preferences", 5, p_chosen=1.0),
        "preferences", "p_chosen", ("x5",),
    ),
    Fault(
        "p_chosen not a number",
        change("preferences", 5, p_chosen=float("nan")),
        "preferences", "p_chosen", ("x5",),
    ),
    Fault(
        "agreement", change("preferences", 6, agreement=1.1), "preferences", "agreement", ("x6",)
    ),
    Fault(
        "label without a judgment",
        change("preferences", 6, n_judgments=0),
        "preferences", "label_without_judgment", ("x6",),
    ),
    Fault(
        "label source",
        change("preferences", 6, label_source="guess"),
        "preferences", "label_source", ("x6",),
    ),
    Fault(
        "split",
        change("preferences", 6, split="dev"),
        "preferences", "split", ("x6",),
    ),
    Fault(
        "prompt in both splits",
        split_prompt,
        "preferences", "prompt_in_both_splits", ("x3", "x3b"),
    ),
    Fault(
        "same text",
        change("preferences", 7, rejected=answer("The sum is 8.")),
        "preferences", "identical_text", ("x7",),
    ),
    Fault(
        "same response",
        change("preferences", 7, rejected_id="r7a"),
        "preferences", "chosen_is_rejected", ("x7",),
    ),
    Fault(
        "two messages chosen",
        change("preferences", 8, chosen=answer("One.") + answer("Two.")),
        "preferences", "chosen_fault", ("x8",),
    ),
    Fault(
        "user message rejected",
        change("preferences", 8, rejected=answer("One.", "user")),
        "preferences", "rejected_fault", ("x8",),
    ),
    Fault(
        "blank answer",
        change("preferences", 8, chosen=answer(" \n")),
        "preferences", "chosen_fault", ("x8",),
    ),
    Fault(
        "empty conversation",
        change("preferences", 8, prompt=[]),
        "preferences", "prompt_fault", ("x8",),
    ),
    Fault(
        "unknown chosen response",
        change("preferences", 9, chosen_id="gone"),
        "preferences", "unknown_chosen_id", ("x9",),
    ),
    Fault(
        "preference across prompts",
        change("preferences", 9, rejected_id="r4b"),
        "preferences", "rejected_answers_other_prompt", ("x9",),
    ),
    Fault(
        "truncated answer",
        change("responses", 18, finish_reason="length"),
        "preferences", "chosen_truncated", ("x9",),
    ),
    Fault(
        "preferred and rejected",
        add("rejections", stage="pair", id="x10"),
        "preferences", "also_rejected", ("x10",),
    ),
    Fault(
        "length ratio",
        change_all("preferences", rejected=answer("8")),
        "preferences", "length_ratio", (), "warning",
    ),
    Fault("stage", change("rejections", 1, stage="guess"), "rejections", "stage", ("y1",)),
    Fault("kind", change("rejections", 1, kind="word"), "rejections", "kind", ("y1",)),
    Fault("no reason", change("rejections", 1, reason=""), "rejections", "reason", ("y1",)),
    Fault("rejected twice", add("rejections"), "rejections", "stage, kind, id", ("y0",)),
]  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name.replace(" ", "-"))
def test_a_fault_is_found_under_its_expectation_with_its_ids(
    fault: Fault, expectations: Expectations
) -> None:
    line = good_line()
    fault.plant(line)
    suite = next(suite for suite in SUITES if suite.table == fault.table)
    findings = check_suite(suite, line.tables(), PARAMS, expectations)
    found = {one.column: one for one in findings if not one.passed}
    assert set(found) == {fault.column, *fault.also}
    finding = found[fault.column]
    assert (finding.table, finding.severity) == (fault.table, fault.severity)
    assert tuple(example.id for example in finding.examples) == fault.ids


def test_a_good_line_has_no_fault(expectations: Expectations) -> None:
    found = find(good_line().tables(), PARAMS, expectations)
    assert [str(one) for one in found if not one.passed] == []


def test_people_may_label_what_no_judge_could(expectations: Expectations) -> None:
    line = good_line()
    line.change("preferences", 6, n_judgments=0, label_source="human")
    assert all(one.passed for one in find(line.tables(), PARAMS, expectations))


def test_a_judge_that_fails_does_not_hide_behind_one_that_cannot(
    expectations: Expectations,
) -> None:
    line = good_line()
    for row in line.rows["judgments"][:20]:
        row["judge"] = "verifier"
    line.change("judgments", 22, verdict="invalid", rationale="Both.")
    (finding,) = (one for one in find(line.tables(), PARAMS, expectations) if not one.passed)
    assert str(finding.examples[0]) == "j11ab (reader: 1 of 4 (25.0%))"


@pytest.mark.parametrize(
    ("column", "kind", "fault"),
    [
        ("p_chosen", pa.string(), "is string, declared double"),
        ("n_judgments", pa.int64(), "is int64, declared int32"),
        ("chosen", pa.string(), "is string, declared list<"),
    ],
    ids=["text for a number", "wider number", "text for messages"],
)
def test_a_wrong_type_is_all_that_is_reported(
    column: str, kind: pa.DataType, fault: str, expectations: Expectations
) -> None:
    tables = good_line().tables()
    place = PREFERENCES.get_field_index(column)
    tables["preferences"] = tables["preferences"].set_column(
        place, column, pa.nulls(tables["preferences"].num_rows, kind)
    )
    (finding,) = find(tables, PARAMS, expectations)
    assert finding.table == "schemas"
    (example,) = finding.examples
    assert example.id == f"preferences.{column}"
    assert example.value.startswith(fault)


def test_a_missing_column_and_a_missing_table_are_named(expectations: Expectations) -> None:
    tables = good_line().tables()
    tables["responses"] = tables["responses"].drop_columns(["origin"])
    del tables["rejections"]
    (finding,) = find(tables, PARAMS, expectations)
    named = {example.id: example.value for example in finding.examples}
    assert named["responses.origin"] == "the column is missing"
    assert named["rejections.stage"] == "the table is missing"


def test_more_columns_are_allowed(expectations: Expectations) -> None:
    tables = good_line().tables()
    rows = tables["prompts"].num_rows
    tables["prompts"] = tables["prompts"].append_column("note", pa.array(["x"] * rows))
    assert all(one.passed for one in find(tables, PARAMS, expectations))
