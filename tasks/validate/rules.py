"""The parts of a table's suite: rules, and the few words in which all of them are said.

A rule is one expectation as data, so that a suite can be read, tested and counted without
Great Expectations, whose import takes seconds. `Expectations` is the one place that knows it:
rules in, outcomes and Data Docs out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from prefline.config import ValidateParams
from prefline.errors import ValidationFailed
from tasks.validate.counts import EXAMPLES, Count, Rule
from tasks.validate.database import Database

_SITE = "prefline"
_FORMAT = {
    "result_format": "SUMMARY",
    "partial_unexpected_count": EXAMPLES,
    "include_unexpected_rows": False,
}


@dataclass(frozen=True, slots=True)
class Suite:
    """The expectations of one table.

    `derive` returns the query for its rows, with the columns that rules look at beside the table's
    own, or in place of one of them; `id_column` names a row.
    """

    table: str
    id_column: str
    derive: Callable[[Database, ValidateParams], str]
    rules: Callable[[ValidateParams], tuple[Rule, ...]]


def nothing_derived(table: str) -> Callable[[Database, ValidateParams], str]:
    """For a table whose own columns say all."""
    return lambda _database, _params: f"SELECT * FROM {table}"


def made_by(stage: str) -> str:
    """Return the remedy for a table that its stage cannot have meant to write like this."""
    return (
        f"make the table again with `dvc repro --force --single-item {stage}`; if the fault "
        "comes again, report it with this message"
    )


def warning(rule: Rule) -> Rule:
    """Return the rule as one that goes to the report and does not stop the pipeline."""
    return replace(rule, severity="warning")


def gate(name: str, rule: Rule, params: ValidateParams) -> Rule:
    """Return a rule about quality: a warning, unless params name it as critical."""
    return rule if name in params.critical else warning(rule)


def given(column: str, remedy: str) -> Rule:
    """Return no value of the column is null."""
    settings = {"column": column}
    return Rule("ExpectColumnValuesToNotBeNull", (column,), settings, f"{column} is given", remedy)


def all_given(schema: pa.Schema, remedy: str) -> tuple[Rule, ...]:
    """`given` for each column that the schema does not call optional. Message lists have
    rules of their own."""
    plain = (field for field in schema if not field.nullable and not pa.types.is_list(field.type))
    return tuple(given(field.name, remedy) for field in plain)


def once(column: str, remedy: str) -> Rule:
    """Return no value of the column comes twice."""
    settings = {"column": column}
    return Rule("ExpectColumnValuesToBeUnique", (column,), settings, f"{column} is unique", remedy)


def once_together(columns: tuple[str, ...], remedy: str) -> Rule:
    """Return no combination of the columns' values comes twice."""
    says = f"{', '.join(columns)} are unique together"
    settings = {"column_list": list(columns)}
    return Rule("ExpectCompoundColumnsToBeUnique", columns, settings, says, remedy)


def one_of(column: str, values: Iterable[str], remedy: str) -> Rule:
    """Return every value of the column is one of those."""
    known = list(values)
    says = f"{column} is one of {', '.join(known)}"
    settings = {"column": column, "value_set": known}
    return Rule("ExpectColumnValuesToBeInSet", (column,), settings, says, remedy)


def at_least(column: str, low: float, remedy: str) -> Rule:
    """Return every value that is given is `low` or more."""
    settings = {"column": column, "min_value": low}
    says = f"{column} is at least {low}"
    return Rule("ExpectColumnValuesToBeBetween", (column,), settings, says, remedy)


def within(column: str, low: float, high: float, remedy: str) -> Rule:
    """Return every value that is given lies in [low, high]."""
    settings = {"column": column, "min_value": low, "max_value": high}
    says = f"{column} lies in [{low}, {high}]"
    return Rule("ExpectColumnValuesToBeBetween", (column,), settings, says, remedy)


def strictly_within(column: str, low: float, high: float, remedy: str) -> Rule:
    """Return every value that is given lies in (low, high)."""
    strict = {"strict_min": True, "strict_max": True}
    settings = {"column": column, "min_value": low, "max_value": high} | strict
    says = f"{column} lies strictly between {low} and {high}"
    return Rule("ExpectColumnValuesToBeBetween", (column,), settings, says, remedy)


def not_empty(column: str, remedy: str) -> Rule:
    """Return every text that is given has a character."""
    settings = {"column": column, "min_value": 1}
    says = f"{column} is not empty"
    return Rule("ExpectColumnValueLengthsToBeBetween", (column,), settings, says, remedy)


def no(fault: str, says: str, remedy: str) -> Rule:
    """Return the derived column `fault`, which holds what is wrong with a row, holds nothing."""
    return Rule("ExpectColumnValuesToBeNull", (fault,), {"column": fault}, says, remedy)


def rows_at_least(least: int, remedy: str) -> Rule:
    """Return the table has that many rows."""
    says = f"there are at least {least:,} rows"
    return Rule("ExpectTableRowCountToBeBetween", (), {"min_value": least}, says, remedy)


def median_within(column: str, low: float, high: float, remedy: str) -> Rule:
    """Return the column's median lies in [low, high]."""
    settings = {"column": column, "min_value": low, "max_value": high}
    says = f"the median of {column} lies in [{low:g}, {high:g}]"
    return Rule("ExpectColumnMedianToBeBetween", (column,), settings, says, remedy)


class Expectations:
    """A context of Great Expectations that lives in memory and writes its Data Docs only."""

    def __init__(self, data_docs: Path) -> None:
        # Imported here: it takes seconds, which only a run of this stage should pay.
        import great_expectations as gx

        self._gx = gx
        self._context: Any = gx.get_context(mode="ephemeral", project_config=_config(data_docs))

    def check(
        self, table: str, frame: pa.Table, rules: Sequence[Rule], counts: Sequence[Count]
    ) -> list[str]:
        """Check the rows that `counts` tell of, and return the expectations' names, in order.

        A frame holds the rows of a table that break a rule, or all rows of a small one; what is
        reported are the counts of the whole table. Raises `ValidationFailed` if an expectation
        could not be evaluated, or holds of these rows although one breaks its rule, or the reverse.
        """
        asset = self._context.data_sources.add_pandas(_SITE).add_dataframe_asset(table)
        batches = asset.add_batch_definition_whole_dataframe("whole")
        expectations = [_expectation(number, rule) for number, rule in enumerate(rules)]
        suite = self._gx.ExpectationSuite(name=table, expectations=expectations)
        definition = self._gx.ValidationDefinition(
            name=table, data=batches, suite=self._context.suites.add(suite)
        )
        results = self._context.validation_definitions.add(definition).run(
            batch_parameters={"dataframe": frame.to_pandas()}, result_format=_FORMAT
        )
        by_number = {one.expectation_config.meta["rule"]: one for one in results.results}
        for number, (rule, count) in enumerate(zip(rules, counts, strict=True)):
            result = by_number[number]
            if count.figures is not None:
                batch = batches.get_batch(batch_parameters={"dataframe": count.figures.to_pandas()})
                checked = batch.validate(expectations[number], result_format=_FORMAT)
                result.success, result.result = checked.success, checked.result
            _tell_whole(table, rule, result, count)
        _tell_statistics(results)
        store = self._context.validation_results_store
        (key,) = (
            one for one in store.list_keys() if one.expectation_suite_identifier.name == table
        )
        store.set(key, results)
        # A source keeps every frame that it was given, and so each table has its own.
        self._context.data_sources.delete(_SITE)
        return [by_number[number].expectation_config.type for number in range(len(rules))]

    def build_data_docs(self) -> None:
        """Write the site with everything that was checked."""
        self._context.build_data_docs(site_names=[_SITE])


def _config(data_docs: Path) -> Any:
    from great_expectations.data_context.types.base import (
        DataContextConfig,
        InMemoryStoreBackendDefaults,
        ProgressBarsConfig,
    )

    site = {
        "class_name": "SiteBuilder",
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
        "store_backend": {
            "class_name": "TupleFilesystemStoreBackend",
            "base_directory": str(data_docs.absolute()),
        },
    }
    return DataContextConfig(
        store_backend_defaults=InMemoryStoreBackendDefaults(),
        data_docs_sites={_SITE: site},
        analytics_enabled=False,
        progress_bars=ProgressBarsConfig(globally=False),
    )


def _expectation(number: int, rule: Rule) -> Any:
    import great_expectations.expectations as gxe

    return getattr(gxe, rule.expectation)(
        **rule.settings,
        severity=rule.severity,
        description=rule.says,
        # Results come in an order of their own.
        meta={"rule": number},
    )


def _tell_whole(table: str, rule: Rule, result: Any, count: Count) -> None:
    """Put the counts of all rows in the place of those of the rows that were looked at."""
    found = result.result
    if "observed_value" not in found and "element_count" not in found:
        raise _fault(table, rule, f"could not be evaluated: {result.exception_info}")
    if bool(result.success) != (count.n_failed == 0):
        raise _fault(table, rule, f"holds otherwise of the rows that were counted: {count}")
    if count.figures is not None:
        found["observed_value"] = count.observed
        return
    n_rows, n_checked, n_failed = count.n_rows, count.n_checked, count.n_failed
    told = {
        "element_count": n_rows,
        "missing_count": n_rows - n_checked,
        "missing_percent": _percent(n_rows - n_checked, n_rows),
        "unexpected_count": n_failed,
        "unexpected_percent": _percent(n_failed, n_checked),
        "unexpected_percent_total": _percent(n_failed, n_rows),
        "unexpected_percent_nonmissing": _percent(n_failed, n_checked),
        "partial_unexpected_index_list": [place for place, _ in count.examples],
    }
    found.update({name: value for name, value in told.items() if name in found})


def _percent(part: int, whole: int) -> float | None:
    return 100 * part / whole if whole else None


def _tell_statistics(results: Any) -> None:
    held = sum(bool(result.success) for result in results.results)
    n_rules = len(results.results)
    results.success = held == n_rules
    results.statistics.update(
        successful_expectations=held,
        unsuccessful_expectations=n_rules - held,
        success_percent=100 * held / n_rules,
    )


def _fault(table: str, rule: Rule, problem: str) -> ValidationFailed:
    return ValidationFailed(
        f"{table}: {rule.expectation} of {', '.join(rule.columns)} {problem}",
        "this is a fault in the suite; report it with this message",
    )
