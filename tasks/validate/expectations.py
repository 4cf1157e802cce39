"""The one place that knows Great Expectations: rules in, outcomes and Data Docs out."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from prefline.errors import ValidationFailed
from tasks.validate.rules import Rule

_SITE = "prefline"
# More than are reported, because one value that comes often is reported once.
_EXAMPLES = 20
_LARGE = 50_000_000  # bytes of a frame; for a smaller one a look for circles takes longer than it


@dataclass(frozen=True, slots=True)
class Outcome:
    """What Great Expectations says of one rule: `rows` are positions of the first rows for
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
        """What holds of the columns of a frame, in the rules' order.

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
        by_number = {one.expectation_config.meta["rule"]: one for one in results.results}
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
    """A figure as Python's own: a count stays whole."""
    return observed if observed is None or isinstance(observed, int) else float(observed)
