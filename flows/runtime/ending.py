"""End a command with one clear message and an exit code. Imports no Prefect."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Callable

from prefline.config import read_params
from prefline.config.environment import note_exit_code
from prefline.errors import Interrupted, PreflineError
from prefline.lazy import defer_pandas
from prefline.project import Project, find_project
from prefline.text import visible
from prefline.unexpected import as_error, require_certificates

_STOPS = (signal.SIGTERM, signal.SIGHUP)


def run_command(run: Callable[[Project], None]) -> None:
    """Call `run` with the project, in its folder.

    An error of the tree is printed with its remedy, without a traceback, and gives the exit
    code. SIGTERM and SIGHUP interrupt like Ctrl-C.
    """
    try:
        _heed_stops()
        require_certificates()
        _show_warnings()
        defer_pandas()
        project = find_project()
        os.chdir(project.root)
        read_params(project.params)  # before a server is started for nothing
        run(project)
    except KeyboardInterrupt:
        _heed_no_more_stops()
        _end(
            Interrupted(
                "interrupted; everything paid for is kept",
                "run the same command again: it goes on where it was",
            )
        )
    except Exception as error:  # noqa: BLE001 - a user sees cause and remedy, never a traceback
        _end(as_error(error))


def _show_warnings() -> None:
    """Print what the package warns of: Prefect keeps log records to itself."""
    logger = logging.getLogger("prefline")
    if not any(isinstance(handler, _Warnings) for handler in logger.handlers):
        logger.addHandler(_Warnings(logging.WARNING))


class _Warnings(logging.Handler):
    """Print records on the stderr of this moment."""

    def emit(self, record: logging.LogRecord) -> None:
        sys.stderr.write(f"warning: {visible(record.getMessage())}\n")


def interrupt_signal() -> signal.Signals:
    """Return the signal that interrupts this process and those that it starts: SIGTERM where Ctrl-C
    is ignored, as it is by what a script runs in the background, and by all that this starts."""
    ignored = signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    return signal.SIGTERM if ignored else signal.SIGINT


def _heed_stops() -> None:
    for number in _STOPS:
        if signal.getsignal(number) == signal.SIG_DFL:  # `nohup` ignores one of them on purpose
            signal.signal(number, _interrupt)


def _interrupt(*_: object) -> None:
    if interrupt_signal() is signal.SIGTERM:
        raise KeyboardInterrupt
    signal.raise_signal(signal.SIGINT)


def _heed_no_more_stops() -> None:
    """Let the exit code be ours: all is stored, and the process is about to end.

    Where an interrupt came while Python ran code that it was given as a string, as it does to
    make a dataclass, it ends by SIGINT although the interrupt was handled, unless other such
    code has ended well since.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    exec("")  # noqa: S102


def _end(error: PreflineError) -> None:
    sys.stdout.flush()
    sys.stderr.write(f"error: {visible(str(error))}\n")
    note_exit_code(error.exit_code)
    sys.exit(error.exit_code)
