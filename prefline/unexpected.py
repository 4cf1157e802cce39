"""Exceptions that nobody has put into words yet, as errors with cause and remedy.

Both ways into the program, the command line and a stage's flow, end here, so that a user never sees
a traceback; it is in a file, for who is to mend it.
"""

from __future__ import annotations

import errno
import os
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from prefline.config.environment import missing_certificates, socks_proxies
from prefline.errors import DiskFull, EnvironmentFault, FileError, PreflineError, UnexpectedError
from prefline.project import find_project

_LONGEST_NAME = 200
_MAY_NOT = "let this user read and write it, or run the command as the user who may"
_OF_A_NAME = {
    errno.EACCES: _MAY_NOT,
    errno.EPERM: _MAY_NOT,
    errno.EROFS: _MAY_NOT,
    errno.EISDIR: "a file belongs there: move the folder away, or name a file",
    errno.ENOTDIR: "a folder belongs there: move the file away, or name a folder",
    errno.ENAMETOOLONG: "shorten the name",
    errno.ELOOP: "correct the link, which leads back to itself",
}


def as_error(error: BaseException) -> PreflineError:
    """Return an exception as an error of the tree: itself, the one that it came from if that is
    one, a fault of the environment that is known by its kind, or `UnexpectedError` with the file
    that the traceback was written to."""
    for cause in _causes(error):
        if isinstance(cause, PreflineError):
            return cause
    for cause in _causes(error):
        if known := _known(cause):
            return known
    path = _write_traceback(error)
    message = " ".join(str(error).split())[:300] or "without a message"
    return UnexpectedError(
        f"something that Prefline does not expect: {type(error).__name__}: {message}",
        f"the whole of it is in {path}: look there for what it was about, and send that file with "
        "your report of the fault; what was paid for is kept, and the same command goes on there",
    )


def require_certificates() -> None:
    """Raise `EnvironmentFault` where a variable names certificates that are not there: Prefect
    would print a traceback of it first."""
    if fault := _certificates():
        raise fault


def _certificates() -> EnvironmentFault | None:
    missing = missing_certificates()
    if missing is None:
        return None
    name, path = missing
    return EnvironmentFault(
        f"{name} names {path}, which does not exist, so no connection can be checked",
        f"correct {name}, or unset it for the certificates of the system",
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _known(error: BaseException) -> PreflineError | None:
    if isinstance(error, ImportError) and "socks" in str(error).lower():
        return EnvironmentFault(
            f"{' and '.join(socks_proxies()) or 'a proxy variable'} names a SOCKS proxy, and what "
            "would speak with it is not installed",
            "run the command without that variable (`env -u ALL_PROXY ...`), name an HTTP proxy, "
            "or `pip install 'httpx[socks]'` into the environment",
        )
    if isinstance(error, ModuleNotFoundError) and _is_foreign(error.name):
        return EnvironmentFault(
            f"this needs the package {str(error.name).partition('.')[0]!r}, which is not installed",
            "install the extra that has it: `pip install 'prefline[pipeline]'` for all that runs "
            "models, judges and the simulator, or `make setup` in a clone",
        )
    if isinstance(error, MemoryError):
        return EnvironmentFault(
            "the memory of this machine, or the limit on it, is used up",
            "end other programs, raise the limit, or run the stage on fewer rows at once",
        )
    return _known_os_error(error) if isinstance(error, OSError) else None


def _is_foreign(module: str | None) -> bool:
    """Return whether a module is another package's: one of ours that is missing is a fault here."""
    return module is not None and module.partition(".")[0] not in {"flows", "prefline", "tasks"}


def _known_os_error(error: OSError) -> PreflineError | None:
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return EnvironmentFault(
            "no more files can be opened: the limit on open files is too low",
            "raise it (`ulimit -n 4096`) and run the same command again",
        )
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull(
            f"no space is left on the disk{_of(error)}",
            "free some space and run the same command again; what was paid for is kept",
        )
    if error.errno == errno.ENOENT and error.filename is None:
        return _certificates()
    remedy = _OF_A_NAME.get(error.errno or 0)
    if remedy is not None and error.filename is not None:
        name = str(error.filename)[:_LONGEST_NAME]
        return FileError(f"{error.strerror or error}: {name}", remedy)
    return None


def _of(error: OSError) -> str:
    return f": {error.filename}" if error.filename is not None else ""


def _write_traceback(error: BaseException) -> str:
    """Write the traceback into the project's `.prefline/tracebacks`, or else into the folder for
    temporary files; return its path, or what to do instead if there is no place for it."""
    name = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{os.getpid()}.txt"
    text = "".join(traceback.format_exception(error))
    for folder in _folders():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8", errors="backslashreplace")
        except OSError:
            continue
        return str(folder / name)
    return "no file, since none can be written"


def _folders() -> Iterator[Path]:
    with suppress(PreflineError, OSError):  # outside a project there is another place
        yield find_project().root / ".prefline" / "tracebacks"
    yield Path(tempfile.gettempdir()) / "prefline-tracebacks"
