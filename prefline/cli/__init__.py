"""The `prefline` command: what neither `dvc` nor `prefect` does."""

from __future__ import annotations

import os
import sys

from prefline.cli.output import report_error, show_warnings_plainly
from prefline.unexpected import as_error


def main() -> None:
    """Run the command line; an error of the tree ends it with its message and exit code."""
    from prefline.cli.app import app

    show_warnings_plainly()
    try:
        app()
    except BrokenPipeError:
        pass  # the reader has seen enough
    except Exception as error:  # noqa: BLE001 - a user sees cause and remedy, never a traceback
        known = as_error(error)
        report_error(known, as_json="--json" in sys.argv)
        sys.exit(known.exit_code)
    finally:
        _flush()


def _flush() -> None:
    """Let a reader of the output that has seen enough, such as `head`, be no error."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
