"""The error that stops the pipeline."""

from __future__ import annotations

import pytest

from prefline.errors import ValidationFailed
from tasks.validate import Example, Finding, ValidationReport, raise_if_failed
from tasks.validate.counts import Severity


def finding(column: str, *, passed: bool, severity: Severity = "critical") -> Finding:
    return Finding(
        table="preferences",
        name="expect_column_values_to_be_between",
        column=column,
        severity=severity,
        passed=passed,
        n_checked=1_200,
        n_failed=0 if passed else 1_007,
        observed=None,
        examples=() if passed else tuple(Example(f"x{n}", 1.5) for n in range(5)),
        says=f"{column} lies in [0, 1]",
        remedy="make the table again",
    )


def test_the_error_names_expectation_count_five_ids_and_remedy() -> None:
    findings = (finding("p_chosen", passed=False), finding("agreement", passed=True))
    with pytest.raises(ValidationFailed) as caught:
        raise_if_failed(ValidationReport(findings, {"preferences": 1_200}))
    message = str(caught.value)
    assert "preferences: expect_column_values_to_be_between(p_chosen)" in message
    assert "1,007 of 1,200: x0 (1.5), x1 (1.5), x2 (1.5), x3 (1.5), x4 (1.5)" in message
    assert "remedy: preferences: make the table again" in message
    assert "agreement" not in message


def test_a_remedy_for_several_findings_is_given_once() -> None:
    findings = (finding("p_chosen", passed=False), finding("agreement", passed=False))
    with pytest.raises(ValidationFailed) as caught:
        raise_if_failed(ValidationReport(findings, {}))
    assert caught.value.remedy.count("make the table again") == 1
    assert "2 critical" in caught.value.problem


def test_a_warning_does_not_stop_the_line() -> None:
    report = ValidationReport((finding("ratio", passed=False, severity="warning"),), {})
    raise_if_failed(report)
    assert report.passed
    assert len(report.warnings) == 1


def test_a_finding_of_a_whole_table_says_the_figure() -> None:
    rows = Finding(
        "preferences", "expect_table_row_count_to_be_between", None, "critical",
        False, 1, 1, 3, (), "there are at least 50 rows", "draw more prompts",
    )  # fmt: skip
    assert str(rows).endswith("there are at least 50 rows; not so: it is 3")
