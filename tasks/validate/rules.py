"""The parts of a table's suite: rules, and the few words in which all of them are said.

A rule is one expectation as data, so that a suite can be read, tested and counted without
Great Expectations, whose import takes seconds. `Expectations` is the one place that knows it:
rules in, outcomes and Data Docs out.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from prefline.config import ValidateParams
from prefline.errors import ValidationFailed
from tasks.validate.columns import Column, Rows

_SITE = "prefline"
# More than are reported, because one value that comes often is reported once.
_EXAMPLES = 20
_LARGE = 50_000_000  # bytes of a frame; for a smaller one a look for circles takes longer than it

Severity = Literal["critical", "warning"]
Tables = Mapping[str, Rows]


@dataclass(frozen=True, slots=True)
class Rule:
    """One expectation: `expectation` is its class in Great Expectations, `settings` what
    the class is given, `says` the sentence that must hold, `remedy` what to do if not."""

    expectation: str
    columns: tuple[str, ...]
    settings: Mapping[str, Any]
    says: str
    remedy: str
    severity: Severity = "critical"


@dataclass(frozen=True, slots=True)
class Suite:
    """The expectations of one table.

    `derive` makes of all tables the columns that the rules look at beside the table's own, row by
    row of this one, or in place of one of them; `id_column` names a row.
    """

    table: str
    id_column: str
    derive: Callable[[Tables, ValidateParams], Mapping[str, Column]]
    rules: Callable[[ValidateParams], tuple[Rule, ...]]


def nothing_derived(_tables: Tables, _params: ValidateParams) -> Mapping[str, Column]:
    """For a table whose own columns say all."""
    return {}


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


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one rule in Great Expectations: `rows` are positions of the first rows for
    which it does not hold; `observed` is the figure of an expectation of a whole table."""

    rule: Rule
    name: str
    passed: bool
    n_checked: int
    n_failed: int
    rows: tuple[int, ...]
    observed: int | float | None


class Expectations:
    """A context of Great Expectations that lives in memory and writes its Data Docs only."""

    def __init__(self, data_docs: Path) -> None:
        # Imported here: it takes seconds, which only a run of this stage should pay.
        import great_expectations as gx

        self._gx = gx
        self._context: Any = gx.get_context(mode="ephemeral", project_config=_config(data_docs))

    def check(self, table: str, frame: pa.Table, rules: Sequence[Rule]) -> list[Outcome]:
        """Return what holds of the columns of a frame, in the rules' order.

        Raises `ValidationFailed` if an expectation could not be evaluated.
        """
        outcomes = self._run(table, frame, rules)
        if frame.nbytes > _LARGE:
            # What was run refers to itself, and so its copy of the frame stays until Python looks
            # for such circles: too late, with the next table's frame beside it.
            gc.collect()
        return outcomes

    def _run(self, table: str, frame: pa.Table, rules: Sequence[Rule]) -> list[Outcome]:
        asset = self._context.data_sources.add_pandas(_SITE).add_dataframe_asset(table)
        suite = self._context.suites.add(
            self._gx.ExpectationSuite(
                name=table, expectations=[_expectation(n, rule) for n, rule in enumerate(rules)]
            )
        )
        definition = self._gx.ValidationDefinition(
            name=table, data=asset.add_batch_definition_whole_dataframe("whole"), suite=suite
        )
        whole = frame.to_pandas()
        # Positions of rows, not ids: asked for an id column, Great Expectations gathers the
        # ids of all failing rows one by one, which takes ten times as long.
        results = self._context.validation_definitions.add(definition).run(
            batch_parameters={"dataframe": whole},
            result_format={
                "result_format": "SUMMARY",
                "partial_unexpected_count": _EXAMPLES,
                "include_unexpected_rows": False,
            },
        )
        # A source keeps every frame that it was given, and so each table has its own.
        self._context.data_sources.delete(_SITE)
        by_number = {result.expectation_config.meta["rule"]: result for result in results.results}
        return [_outcome(table, rule, by_number[n]) for n, rule in enumerate(rules)]

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


def _outcome(table: str, rule: Rule, answer: Any) -> Outcome:
    name, found = answer.expectation_config.type, answer.result
    whole = "observed_value" in found
    if not whole and "element_count" not in found:
        raise ValidationFailed(
            f"{table}: {name} of {', '.join(rule.columns)} could not be evaluated: "
            f"{answer.exception_info}",
            "this is a fault in the suite; report it with this message",
        )
    passed = bool(answer.success)
    if whole:
        return Outcome(rule, name, passed, 1, int(not passed), (), _number(found["observed_value"]))
    n_checked = found["element_count"] - found.get("missing_count", 0)
    rows = tuple(int(row) for row in found["partial_unexpected_index_list"] or ())
    return Outcome(rule, name, passed, n_checked, found["unexpected_count"], rows, None)


def _number(observed: Any) -> int | float | None:
    """Return a figure as Python's own: a count stays whole."""
    return observed if observed is None or isinstance(observed, int) else float(observed)
