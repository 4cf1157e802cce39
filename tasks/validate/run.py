"""Validation of a run's tables: first their schemas, then every table's suite."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from prefline.atomic import disk_errors
from prefline.config import PublishParams, ValidateParams
from prefline.errors import VersionNotFound
from prefline.releases import Location, read_manifest
from prefline.releases.manifest import PREFERENCE
from prefline.releases.transfer import verified_copy
from prefline.storage import ObjectStore
from tasks.validate import drift, labels, preferences, rejections, responses, review, schemas
from tasks.validate.anchors import ANCHORS_SUITE, ANSWERS_SUITE
from tasks.validate.columns import Column
from tasks.validate.drift import COLUMNS
from tasks.validate.judgments import JUDGES, JUDGES_SCHEMA, JUDGES_SUITE, JUDGMENTS_SUITE
from tasks.validate.prompts import DRAWN_SUITE, HELD_OUT_SUITE, PROMPTS_SUITE
from tasks.validate.report import (
    DATA_DOCS,
    RESULTS,
    Example,
    Finding,
    ValidationReport,
    write_results,
)
from tasks.validate.rules import Expectations, Outcome, Rule, Suite, Tables

SUITES: tuple[Suite, ...] = (
    PROMPTS_SUITE,
    HELD_OUT_SUITE,
    DRAWN_SUITE,
    responses.SUITE,
    JUDGMENTS_SUITE,
    preferences.SUITE,
    rejections.SUITE,
    review.SUITE,
    ANCHORS_SUITE,
    ANSWERS_SUITE,
    JUDGES_SUITE,
    labels.SUITE,
    drift.SUITE,
)

_NOT_IN_EVERY_LINE: Tables = {
    JUDGES: JUDGES_SCHEMA.empty_table(),
    labels.TABLE: labels.SCHEMA.empty_table(),
    drift.TABLE: drift.SCHEMA.empty_table(),
}
_EXAMPLES = 5
_LONGEST = 80


def finding(table: str, ids: Column, frame: pa.Table, outcome: Outcome) -> Finding:
    """Return an outcome with the ids and values of the rows for which it does not hold."""
    rule = outcome.rule
    examples = (_example(ids, frame, rule.columns, row) for row in outcome.rows)
    return Finding(
        table=table,
        name=outcome.name,
        column=", ".join(rule.columns) or None,
        severity=rule.severity,
        passed=outcome.passed,
        n_checked=outcome.n_checked,
        n_failed=outcome.n_failed,
        observed=outcome.observed,
        examples=tuple(islice(_once(examples), _EXAMPLES)),
        says=rule.says,
        remedy=rule.remedy,
    )


def _example(ids: Column, frame: pa.Table, columns: Sequence[str], row: int) -> Example:
    values = [_short(frame[column][row].as_py()) for column in columns]
    identity = ids[row].as_py()
    name = f"row {row + 1}" if identity is None else identity
    return Example(name, values[0] if len(values) == 1 else values)


def _short(value: Any) -> Any:
    if isinstance(value, str) and len(value) > _LONGEST:
        return f"{value[:_LONGEST]}..."
    return value


def _once(examples: Iterable[Example]) -> Iterator[Example]:
    seen: list[Example] = []
    for example in examples:
        if example not in seen:
            seen.append(example)
            yield example


def find(tables: Tables, params: ValidateParams, expectations: Expectations) -> tuple[Finding, ...]:
    """Return every expectation's finding, in the order of the pipeline's tables.

    Where a column is missing or of a wrong type, that is all there is to find: no other
    expectation means anything then.
    """
    findings = check_suite(schemas.SUITE, tables, params, expectations)
    if all(one.passed for one in findings):
        for suite in SUITES:
            findings += check_suite(suite, tables, params, expectations)
    return tuple(findings)


def check_suite(
    suite: Suite, tables: Tables, params: ValidateParams, expectations: Expectations
) -> list[Finding]:
    """Return the findings of one table's suite."""
    rules = suite.rules(params)
    frame = frame_of(suite, tables, params, rules)
    outcomes = expectations.check(suite.table, frame, rules)
    ids = frame[suite.id_column]
    return [finding(suite.table, ids, frame, outcome) for outcome in outcomes]


def frame_of(
    suite: Suite, tables: Tables, params: ValidateParams, rules: Sequence[Rule]
) -> pa.Table:
    """Return the ids of a table's rows and the columns that its rules look at: nothing more of a
    table needs to be in memory."""
    given = {**_NOT_IN_EVERY_LINE, **tables}
    columns = dict(suite.derive(given, params))
    needed = {suite.id_column, *(column for rule in rules for column in rule.columns)}
    for name in needed - columns.keys():
        columns[name] = given[suite.table][name]
    # In one chunk: rows are taken of every column for each expectation, so many times faster. Here,
    # so that the chunks are not kept beside it.
    return pa.table({name: columns.pop(name) for name in sorted(needed)}).combine_chunks()


def validate_tables(
    tables: Tables,
    params: ValidateParams,
    folder: Path,
    files: Mapping[str, Mapping[str, str]] | None = None,
    before: str | None = None,
) -> ValidationReport:
    """Check every expectation and write `results.json` and `data_docs/` into `folder`.

    `files` are the hashes of the tables' files by table and name, and `before` the version that
    drift was measured against, for `results.json`.

    Raises `DiskFull`, and `ValidationFailed` only for an expectation that could not be
    evaluated; for those that do not hold, see `raise_if_failed`.
    """
    data_docs = folder / DATA_DOCS
    with disk_errors(folder):
        (folder / RESULTS).unlink(missing_ok=True)
        shutil.rmtree(data_docs, ignore_errors=True)
        data_docs.mkdir(parents=True)
        expectations = Expectations(data_docs)
        findings = find(tables, params, expectations)
        expectations.build_data_docs()
    rows = {name: table.num_rows for name, table in tables.items()}
    report = ValidationReport(findings, rows, files or {}, before)
    # Last: a folder with results is complete.
    write_results(folder, report)
    return report


def read_before(
    store: ObjectStore, params: PublishParams, scratch: Path
) -> tuple[str | None, pa.Table | None]:
    """Return the version that the channel leads to (`dataset@version`) and the columns of its
    preferences that drift looks at, a file at a time; None and None before the first version.

    Raises `VersionCorrupt` if the store does not hold what the manifest says, and what the store
    raises if it cannot be reached.
    """
    at = Location(store, params.dataset, params.channel)
    try:
        manifest = read_manifest(at)
    except VersionNotFound:
        return None, None
    tables = []
    for one in manifest.of(PREFERENCE):
        with verified_copy(at, one, scratch) as path:
            tables.append(pq.ParquetFile(path).read(columns=list(COLUMNS)))
    return f"{params.dataset}@{manifest.version}", pa.concat_tables(tables) if tables else None
