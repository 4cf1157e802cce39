"""Each planted fault is found under its expectation, with the ids of its rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from prefline.config import ValidateParams
from prefline.tables import PREFERENCES
from tasks.validate import Finding, counts, schemas
from tasks.validate.counts import Count, count_rows
from tasks.validate.database import open_database
from tasks.validate.run import SUITES, check_suite, find, finding
from tests.tasks.validate.faults import FAULTS, Fault
from tests.tasks.validate.line import good_line
from tests.tasks.validate.other_faults import FAULTS_OF_ANCHORS, FAULTS_OF_DRAWN, FAULTS_OF_REVIEW
from tests.tasks.validate.preference_faults import FAULTS_OF_PREFERENCES

if TYPE_CHECKING:
    from tasks.validate.expectations import Expectations

PARAMS = ValidateParams(min_preferences=10)


# Faults in rows that others touch too, or that break what others rest on.
ALONE = {
    "duplicate pair", "invalid without its reply", "judgment across prompts",
    "judgment of an unknown response", "null log-odds", "p_first", "queued across prompts",
    "queued and decided nowhere", "queued of one response", "queued with an unknown response",
    "revision of an unknown response", "text of another response", "too few preferences",
    "truncated responses", "unknown chosen response", "unknown verdict", "wrong log-odds",
}  # fmt: skip
MOST_TOGETHER = 8


def columns_of(fault: Fault) -> set[str | None]:
    return {fault.column, *fault.also}


def together(faults: Iterable[Fault]) -> list[list[Fault]]:
    """Group faults of one table that are found under different columns, so that Great Expectations
    runs once for several of them."""
    groups = list[list[Fault]]()
    for fault in faults:
        fitting = (
            group
            for group in groups
            if not {fault.name, group[0].name} & ALONE
            and group[0].table == fault.table
            and len(group) < MOST_TOGETHER
            and not any(columns_of(fault) & columns_of(other) for other in group)
        )
        group = next(fitting, None)
        if group is None:
            groups.append([fault])
        else:
            group.append(fault)
    return groups


def broken(tables: Mapping[str, pa.Table], name: str, expectations: Expectations) -> list[Finding]:
    """Return what is found of one table's rules that rows break. Great Expectations, which takes
    20 ms a rule, is asked of these alone: of the others it is, and agrees, on good
    tables (`test_run.py`)."""
    suite = next(suite for suite in (schemas.SUITE, *SUITES) if suite.table == name)
    with open_database({**tables, schemas.TABLE: schemas.schemas_table(tables)}) as database:
        rules, query = suite.rules(PARAMS), suite.derive(database, PARAMS)
        counted, frame = count_rows(database, name, suite.id_column, query, rules)
    those = [one for one in zip(rules, counted, strict=True) if one[1].n_failed]
    names = expectations.check(name, frame, *map(list, zip(*those, strict=True))) if those else []
    return [
        finding(name, suite.id_column, rule, expectation, count)
        for (rule, count), expectation in zip(those, names, strict=True)
    ]


@pytest.mark.parametrize(
    "faults",
    together(
        [*FAULTS, *FAULTS_OF_PREFERENCES, *FAULTS_OF_DRAWN, *FAULTS_OF_REVIEW, *FAULTS_OF_ANCHORS]
    ),
    ids=lambda faults: f"{faults[0].table}: {', '.join(fault.name for fault in faults)}",
)
def test_a_fault_is_found_under_its_expectation_with_its_ids(
    faults: list[Fault], expectations: Expectations
) -> None:
    line = good_line()
    for fault in faults:
        fault.plant(line)
    found = {one.column: one for one in broken(line.tables(), faults[0].table, expectations)}
    assert set(found) == set().union(*map(columns_of, faults))
    for fault in faults:
        one = found[fault.column]
        assert (one.table, one.severity) == (fault.table, fault.severity)
        assert tuple(example.id for example in one.examples) == fault.ids, fault.name


def test_people_may_label_what_no_judge_could(expectations: Expectations) -> None:
    line = good_line()
    line.change("preferences", 6, n_judgments=0, label_source="human")
    tables = line.tables()
    assert [one for name in tables for one in broken(tables, name, expectations)] == []


def test_a_judge_that_fails_does_not_hide_behind_one_that_cannot(
    expectations: Expectations,
) -> None:
    line = good_line()
    for row in line.rows["judgments"][:20]:
        row["judge"] = "verifier"
    line.change("judgments", 22, verdict="invalid", rationale="Both.")
    (found,) = broken(line.tables(), "judgments", expectations)
    assert str(found.examples[0]) == "j11ab (reader: 1 of 4 (25.0%))"


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
    (found,) = find(tables, PARAMS, expectations)
    assert found.table == "schemas"
    (example,) = found.examples
    assert example.id == f"preferences.{column}"
    assert example.value.startswith(fault)


def test_a_missing_column_and_a_missing_table_are_named(expectations: Expectations) -> None:
    tables = good_line().tables()
    tables["responses"] = tables["responses"].drop_columns(["origin"])
    del tables["rejections"]
    (found,) = find(tables, PARAMS, expectations)
    named = {example.id: example.value for example in found.examples}
    assert named["responses.origin"] == "the column is missing"
    assert named["rejections.stage"] == "the table is missing"


def test_more_columns_are_allowed(expectations: Expectations) -> None:
    tables = good_line().tables()
    rows = tables["prompts"].num_rows
    tables["prompts"] = tables["prompts"].append_column("note", pa.array(["x"] * rows))
    for table in (schemas.TABLE, "prompts"):
        assert broken(tables, table, expectations) == []


def test_of_a_large_table_only_broken_rows_are_handed_over(
    expectations: Expectations, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = good_line()
    for name in ("duplicate judgment", "unknown verdict", "judgment across prompts"):
        next(fault for fault in FAULTS if fault.name == name).plant(line)
    suite = next(suite for suite in SUITES if suite.table == "judgments")
    rules, counted = suite.rules(PARAMS), list[list[Count]]()
    with open_database(line.tables()) as database:
        query = suite.derive(database, PARAMS)
        for small in (counts.SMALL, 0):
            monkeypatch.setattr(counts, "SMALL", small)
            found, frame = count_rows(database, "judgments", "judgment_id", query, rules)
            counted.append(found)
        findings = check_suite(suite, database, PARAMS, expectations)

    assert counted[0] == counted[1]
    assert set(frame["judgment_id"].to_pylist()) == {"j0ab", "j2ab"}
    assert frame.num_rows == 3, "a repeated row, the one that it repeats, and a bad one"
    assert {one.column for one in findings if not one.passed} == {
        "judgment_id", "verdict", "second_answers_other_prompt",
    }  # fmt: skip
