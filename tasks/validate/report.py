"""The findings of validation, their compact form on disk, and the error that stops the run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from prefline.errors import ValidationFailed
from prefline.tables.metrics import write_metrics
from tasks.validate.counts import Severity

RESULTS = "results.json"
DATA_DOCS = "data_docs"


@dataclass(frozen=True, slots=True)
class Example:
    """A row for which an expectation does not hold: its id ("row N" where it has none) and
    the value that was looked at."""

    id: str
    value: Any

    def __str__(self) -> str:
        """Return the id, and the value where it says more."""
        return self.id if self.value == self.id else f"{self.id} ({self.value})"


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one expectation.

    `name` is its name in Great Expectations and its Data Docs, `column` the column or
    columns that it looks at. An expectation of a whole table checks one figure: `observed`.
    """

    table: str
    name: str
    column: str | None
    severity: Severity
    passed: bool
    n_checked: int
    n_failed: int
    observed: int | float | None
    examples: tuple[Example, ...]
    says: str
    remedy: str

    def __str__(self) -> str:
        """Return what does not hold, in one line."""
        where = f"{self.name}({self.column})" if self.column else self.name
        if self.observed is not None or not self.examples:
            found = f"not so: it is {self.observed}"
        else:
            rows = ", ".join(str(example) for example in self.examples)
            found = f"not so for {self.n_failed:,} of {self.n_checked:,}: {rows}"
        return f"{self.table}: {where}: {self.says}; {found}"


@dataclass(frozen=True, slots=True)
class ValidationReport:
    """Every expectation's finding, by table in the pipeline's order, the tables' sizes, and the
    SHA-256 of every file of theirs that was checked, so that `publish` can tell whether the tables
    are still those; `before` is the version that drift was measured against."""

    findings: tuple[Finding, ...]
    rows: Mapping[str, int]
    files: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    before: str | None = None

    @property
    def failed(self) -> tuple[Finding, ...]:
        """The critical expectations that do not hold."""
        return self._not_held("critical")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """The other expectations that do not hold."""
        return self._not_held("warning")

    @property
    def passed(self) -> bool:
        """True if everything holds that must."""
        return not self.failed

    def _not_held(self, severity: Severity) -> tuple[Finding, ...]:
        return tuple(
            finding
            for finding in self.findings
            if not finding.passed and finding.severity == severity
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the report as plain data: the content of `results.json`."""
        return {
            "passed": self.passed,
            "n_failed": len(self.failed),
            "n_warnings": len(self.warnings),
            "rows": dict(self.rows),
            "compared_with": self.before,
            "files": {table: dict(files) for table, files in self.files.items()},
            "expectations": [asdict(finding) for finding in self.findings],
        }


def write_results(folder: Path, report: ValidationReport) -> None:
    """Write `results.json`, byte-identical for identical reports. Raises `DiskFull`."""
    write_metrics(folder / RESULTS, report.as_dict())


def raise_if_failed(report: ValidationReport) -> None:
    """Raise `ValidationFailed` if something does not hold that must: it names each such
    expectation, the count, five ids and the remedy."""
    if report.passed:
        return
    failed = report.failed
    lines = "".join(f"\n  - {one}" for one in failed)
    remedies = dict.fromkeys(f"{one.table}: {one.remedy}" for one in failed)
    raise ValidationFailed(
        f"{len(failed)} critical expectation(s) do not hold, so nothing is published:{lines}",
        "\n  ".join(
            [
                *remedies,
                f"all findings: data/validation/{RESULTS}, data/validation/{DATA_DOCS}/index.html",
            ]
        ),
    )
