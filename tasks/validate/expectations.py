"""Great Expectations, told of rules: outcomes and Data Docs come out.

This is the one module that imports it, which takes seconds: only a run of the stage should.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow as pa

from prefline.errors import ValidationFailed
from tasks.validate.counts import EXAMPLES, Count, Rule

# Great Expectations does without the first, and needs the others for expectations that no rule
# names alone. They are half of the time that its import takes, and 100 MB.
_OPTIONAL = ("boto3", "botocore", "sqlalchemy")
_UNUSED = ("altair", "scipy.stats")


@contextmanager
def imports(*, without: Sequence[str], late: Sequence[str]) -> Iterator[None]:
    """Have what is imported inside take modules of `without` for not installed, and import those
    of `late` when something of them is used, unless they are there already."""
    replaced: dict[str, ModuleType | None] = dict.fromkeys(without)
    replaced |= {name: _imported_when_used(name) for name in late}
    replaced = {name: module for name, module in replaced.items() if name not in sys.modules}
    # What is None there cannot be imported.
    sys.modules.update(replaced)  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name, module in replaced.items():
            if name in sys.modules and sys.modules[name] is module:
                del sys.modules[name]


def _imported_when_used(name: str) -> ModuleType:
    module = ModuleType(name)

    def load(attribute: str) -> Any:
        if attribute.startswith("__"):  # asked for by `import` itself
            raise AttributeError(attribute)
        if sys.modules.get(name) is module:
            del sys.modules[name]
        return getattr(import_module(name), attribute)

    module.__getattr__ = load  # type: ignore[method-assign]
    return module


with imports(without=_OPTIONAL, late=_UNUSED):
    import great_expectations as gx
    import great_expectations.expectations as gxe
    from great_expectations.data_context.types.base import (
        DataContextConfig,
        InMemoryStoreBackendDefaults,
        ProgressBarsConfig,
    )

_SITE = "prefline"
_FORMAT = {
    "result_format": "SUMMARY",
    "partial_unexpected_count": EXAMPLES,
    "include_unexpected_rows": False,
}


class Expectations:
    """A context of Great Expectations that lives in memory and writes its Data Docs only."""

    def __init__(self, data_docs: Path) -> None:
        self._context: Any = gx.get_context(mode="ephemeral", project_config=_config(data_docs))
        self._source = self._context.data_sources.add_pandas(_SITE)

    def check(
        self, table: str, frame: pa.Table, rules: Sequence[Rule], counts: Sequence[Count]
    ) -> list[str]:
        """Check the rows that `counts` tell of, and return the expectations' names, in order.

        A frame holds the rows of a table that break a rule, or all rows of a small one; what is
        reported are the counts of the whole table. Raises `ValidationFailed` if an expectation
        could not be evaluated, or holds of these rows although one breaks its rule, or the reverse.
        """
        asset = self._source.add_dataframe_asset(table)
        batches = asset.add_batch_definition_whole_dataframe("whole")
        expectations = [_expectation(number, rule) for number, rule in enumerate(rules)]
        suite = gx.ExpectationSuite(name=table, expectations=expectations)
        definition = gx.ValidationDefinition(
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
        return [by_number[number].expectation_config.type for number in range(len(rules))]

    def build_data_docs(self) -> None:
        """Write the site with everything that was checked."""
        self._context.build_data_docs(site_names=[_SITE])


def _config(data_docs: Path) -> Any:
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
