"""Validation of a run's tables: first their schemas, then every table's suite."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from prefline.atomic import disk_errors
from prefline.config import PublishParams, ValidateParams
from prefline.errors import VersionNotFound
from prefline.releases import Location, read_manifest
from prefline.releases.manifest import PREFERENCE
from prefline.releases.transfer import verified_copy
from prefline.storage import ObjectStore
from prefline.tables.joining import Rows
from prefline.tables.parts import open_parquet
from tasks.validate import drift, labels, preferences, rejections, responses, review, schemas
from tasks.validate.anchors import ANCHORS_SUITE, ANSWERS_SUITE
from tasks.validate.counts import Count, Rule, count_rows
from tasks.validate.database import Database, open_database
from tasks.validate.drift import COLUMNS, Distributions, count_labels
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
from tasks.validate.rules import Suite

if TYPE_CHECKING:
    from tasks.validate.expectations import Expectations

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

_NOT_IN_EVERY_LINE: Mapping[str, Rows] = {
    JUDGES: JUDGES_SCHEMA.empty_table(),
    labels.TABLE: labels.SCHEMA.empty_table(),
    drift.TABLE: drift.SCHEMA.empty_table(),
}
_EXAMPLES = 5
_LONGEST = 80


def finding(table: str, id_column: str, rule: Rule, name: str, count: Count) -> Finding:
    """Return a count with the ids and values of the rows for which the rule does not hold."""
    examples = (_example(row[id_column], row, rule.columns, at) for at, row in count.examples)
    return Finding(
        table=table,
        name=name,
        column=", ".join(rule.columns) or None,
        severity=rule.severity,
        passed=not count.n_failed,
        n_checked=count.n_checked,
        n_failed=count.n_failed,
        observed=count.observed,
        examples=tuple(islice(_once(examples), _EXAMPLES)),
        says=rule.says,
        remedy=rule.remedy,
    )


def _example(
    identity: str | None, row: Mapping[str, Any], columns: Sequence[str], place: int
) -> Example:
    values = [_short(row[column]) for column in columns]
    name = f"row {place + 1}" if identity is None else identity
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


def find(
    tables: Mapping[str, Rows],
    params: ValidateParams,
    expectations: Expectations,
    *,
    work: Path | None = None,
    memory_gb: float = 1.0,
) -> tuple[Finding, ...]:
    """Return every expectation's finding, in the order of the pipeline's tables.

    Where a column is missing or of a wrong type, that is all there is to find: no other
    expectation means anything then.
    """
    every = {**_NOT_IN_EVERY_LINE, **tables, schemas.TABLE: schemas.schemas_table(tables)}
    with open_database(every, work=work, memory_gb=memory_gb) as database:
        findings = check_suite(schemas.SUITE, database, params, expectations)
        if all(one.passed for one in findings):
            for suite in SUITES:
                findings += check_suite(suite, database, params, expectations)
    return tuple(findings)


def check_suite(
    suite: Suite, database: Database, params: ValidateParams, expectations: Expectations
) -> list[Finding]:
    """Return the findings of one table's suite."""
    rules, query = suite.rules(params), suite.derive(database, params)
    counts, frame = count_rows(database, suite.table, suite.id_column, query, rules)
    names = expectations.check(suite.table, frame, rules, counts)
    return [
        finding(suite.table, suite.id_column, *one)
        for one in zip(rules, names, counts, strict=True)
    ]


def validate_tables(
    tables: Mapping[str, Rows],
    params: ValidateParams,
    folder: Path,
    files: Mapping[str, Mapping[str, str]] | None = None,
    before: str | None = None,
    *,
    work: Path | None = None,
    memory_gb: float = 1.0,
) -> ValidationReport:
    """Check every expectation and write `results.json` and `data_docs/` into `folder`.

    `files` are the hashes of the tables' files by table and name, and `before` the version that
    drift was measured against, for `results.json`. What does not fit into `memory_gb` is put into
    `work`.

    Raises `DiskFull`, and `ValidationFailed` only for an expectation that could not be
    evaluated; for those that do not hold, see `raise_if_failed`.
    """
    # Here, where its tables are checked: it imports Great Expectations.
    from tasks.validate.expectations import Expectations

    data_docs = folder / DATA_DOCS
    with disk_errors(folder):
        (folder / RESULTS).unlink(missing_ok=True)
        shutil.rmtree(data_docs, ignore_errors=True)
        data_docs.mkdir(parents=True)
        expectations = Expectations(data_docs)
        findings = find(tables, params, expectations, work=work, memory_gb=memory_gb)
        expectations.build_data_docs()
    rows = {name: table.num_rows for name, table in tables.items()}
    report = ValidationReport(findings, rows, files or {}, before)
    # Last: a folder with results is complete.
    write_results(folder, report)
    return report


def read_before(
    store: ObjectStore, params: PublishParams, scratch: Path
) -> tuple[str | None, Distributions | None]:
    """Return the version that the channel leads to (`dataset@version`) and how its labels are
    distributed, from a file at a time; None and None before the first version.

    Raises `VersionCorrupt` if the store does not hold what the manifest says, and what the store
    raises if it cannot be reached.
    """
    at = Location(store, params.dataset, params.channel)
    try:
        manifest = read_manifest(at)
    except VersionNotFound:
        return None, None

    def rows() -> Iterator[pa.RecordBatch]:
        for one in manifest.of(PREFERENCE):
            with verified_copy(at, one, scratch) as path, open_parquet(path) as file:
                yield from file.iter_batches(columns=list(COLUMNS))

    return f"{params.dataset}@{manifest.version}", count_labels(rows())
