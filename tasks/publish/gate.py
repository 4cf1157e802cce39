"""The gate: only what passed validation is published, unless somebody says why not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from prefline.errors import ParamsError, ValidationFailed
from prefline.releases.layout import utc_now

Forced = Mapping[str, Any]


def pass_gate(
    validation: Mapping[str, Any],
    files: Mapping[str, str],
    force: str | None,
    unwarranted: str | None = None,
) -> Forced | None:
    """Let tables through that were validated and passed; `files` are the hashes of the parts of
    `preferences` that are to be published, `unwarranted` why the warrant that params ask for is
    not there.

    With `force`, a reason, what did not pass is let through too, and the answer says so for the
    manifest: the reason, what had failed, and when. Nothing is overruled where nothing failed.
    Raises `ValidationFailed`, and `ParamsError` for an empty reason; what is not warranted and
    not forced is left to `publish_version`.
    """
    if force is not None and not force.strip():
        raise ParamsError(
            "--force was given without a reason",
            'say why, such as --force "the threshold is too strict for this language"',
        )
    failed = [*_failed_expectations(validation), *_other_files(validation, files)]
    if force is None and failed:
        raise _refusal(validation, failed)
    failed += [unwarranted] if unwarranted else []
    if force is None or not failed:
        return None
    at = utc_now()
    return {"reason": force.strip(), "failed": failed, "at": at}


def _failed_expectations(validation: Mapping[str, Any]) -> list[str]:
    if validation["passed"]:
        return []
    failed = [
        f"{expectation['table']}: {expectation['name']}{_column(expectation)}: "
        f"{expectation['says']}; {_found(expectation)}"
        for expectation in validation["expectations"]
        if not expectation["passed"] and expectation["severity"] == "critical"
    ]
    return failed or [f"{validation['n_failed']} critical expectation(s)"]


def _column(expectation: Mapping[str, Any]) -> str:
    return f"({expectation['column']})" if expectation["column"] else ""


def _found(expectation: Mapping[str, Any]) -> str:
    if expectation.get("observed") is not None:
        return f"not so: it is {expectation['observed']}"
    return f"not so for {expectation['n_failed']:,} of {expectation['n_checked']:,}"


def _other_files(validation: Mapping[str, Any], files: Mapping[str, str]) -> list[str]:
    checked = validation.get("files", {}).get("preferences", {})
    if sorted(checked.values()) == sorted(files.values()):
        return []
    return ["data/preferences is not the table that was validated"]


def _refusal(validation: Mapping[str, Any], failed: list[str]) -> ValidationFailed:
    lines = "".join(f"\n  - {one}" for one in failed)
    mend = "mend the cause and run `dvc repro`" if not validation["passed"] else "run `dvc repro`"
    return ValidationFailed(
        f"nothing is published:{lines}",
        f"{mend}; data/validation/results.json has the findings. To publish all the same: "
        '`python -m flows.publish --force "why"`, which the version will tell (docs/validation.md)',
    )
