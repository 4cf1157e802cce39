"""The first program inside the sandbox: gives up rights, sets limits, then runs a response.

It stands alone: nothing of Prefline is there. The job comes by a file descriptor that is closed
before the response runs; what happened goes back by another, marked with a token.
"""

from __future__ import annotations

import builtins
import json
import os
import resource
import sys
from typing import Any

_SHOWN = 200  # characters of an error


def main(job_fd: int, report_fd: int) -> None:
    """Run the job: `{uid, limits, token, source, tests}`, with `tests` null for a program."""
    with os.fdopen(job_fd, "rb") as file:
        job: dict[str, Any] = json.load(file)
    if os.getuid() == 0:
        os.setgroups([])
        os.setgid(job["uid"])
        os.setuid(job["uid"])
    for name, (soft, hard) in job["limits"].items():
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (soft, hard))

    def report(**said: Any) -> None:
        os.write(report_fd, json.dumps({"token": job["token"], **said}).encode() + b"\n")

    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 2)
    report(state="started")
    tests: str | None = job["tests"]
    if tests is not None:
        os.dup2(nowhere, 1)
    builtins.exit = builtins.quit = sys.exit  # type: ignore[assignment]  # which `site` brings
    names: dict[str, Any] = {"__name__": "__main__" if tests is None else "solution"}
    parts = [("response", job["source"])] + ([("tests", tests)] if tests is not None else [])
    for where, source in parts:
        try:
            exec(compile(source, where, "exec"), names)  # noqa: S102 - inside the sandbox
            sys.stdout.flush()
        except SystemExit as error:
            if tests is None and error.code in (None, 0):
                sys.stdout.flush()
                break
            report(state="failed", where=where, why=f"ends itself: SystemExit {error.code}")
            return
        except BaseException as error:  # noqa: BLE001 - whatever a response raises is its failure
            report(state="failed", where=where, why=_said(error, where, source))
            return
    report(state="passed")


def _said(error: BaseException, where: str, source: str) -> str:
    """Return the error, and the line of the source where it came up."""
    line, trace = getattr(error, "lineno", None), error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == where:
            line = trace.tb_lineno
        trace = trace.tb_next
    lines = source.splitlines()
    shown = lines[line - 1].strip() if line and line <= len(lines) else ""
    said = f"{type(error).__name__}: {error}".rstrip(": ")
    return (f"{said} at `{shown}`" if shown else said)[:_SHOWN]


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
