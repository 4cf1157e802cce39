"""The progress of a stage that calls models, in a small file that others may read while it runs.

`.prefline/status/<stage>.json`, replaced once a second by a rename. It is not synced to the disk:
what it tells is told again a second later, and it decides nothing.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import orjson

from prefline.atomic import is_alive
from prefline.errors import PreflineError
from prefline.llm.progress import Calls, RecentRate
from prefline.llm.repeat import repeated

Json = dict[str, Any]

EVERY_S = 1.0
_MOST_REASONS = 20
_LONGEST_EXAMPLE = 400  # characters


class _Expected(Protocol):
    """The number of calls to come, which may rise."""

    @property
    def expected(self) -> int: ...


class StatusWriter:
    """Writes the status of an engine's stage while the block runs, and how it ended."""

    def __init__(self, folder: Path, stage: str, progress: _Expected, engine: Calls) -> None:
        self._path = folder / f"{stage}.json"
        self._stage = stage
        self._progress = progress
        self._engine = engine
        self._started = time.time()
        self._rate = RecentRate(self._started)
        self._written = repeated(self._write, EVERY_S)

    def __enter__(self) -> StatusWriter:
        self._write()
        self._written.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._written.__exit__(kind, error, trace)
        self._write("done" if error is None else f"stopped: {_problem(error)}")

    def status(self, ended: str | None = None) -> Json:
        """Return what the file tells; money in USD, times as seconds since 1970."""
        stats, budget, now = self._engine.stats, self._engine.budget, time.time()
        return {
            "stage": self._stage,
            "process": os.getpid(),
            "started_at": self._started,
            "updated_at": now,
            "ended": ended,
            "total": self._progress.expected,
            "done": stats.done,
            "cached": stats.cached,
            "failed": stats.failed,
            "in_flight": self._engine.in_flight,
            "per_second": self._rate.of(now, stats.done),
            "tokens": stats.tokens,
            "spent_usd": budget.spent_usd,
            "earlier_usd": budget.earlier_usd,
            "limit_usd": budget.limit_usd,
            "retries": [
                {"model": model, "reason": reason, "n": count}
                for (model, reason), count in sorted(self._engine.retries.items())
            ][:_MOST_REASONS],
            "failures": [
                {"model": model, "reason": reason, "n": count,
                 "example": stats.details.get((model, reason), "")[:_LONGEST_EXAMPLE]}
                for (model, reason), count in stats.failures.copy().most_common(_MOST_REASONS)
            ],
            "batches": list(self._engine.batch_status()),
        }  # fmt: skip

    def _write(self, ended: str | None = None) -> None:
        # Nobody's run stops because its status could not be told.
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            draft = self._path.with_suffix(".tmp")
            draft.write_bytes(orjson.dumps(self.status(ended)))
            draft.replace(self._path)


def _problem(error: BaseException) -> str:
    if isinstance(error, PreflineError):
        return error.problem
    # Ctrl-C, or what Prefect makes of SIGTERM, is none.
    return type(error).__name__ if isinstance(error, Exception) else "interrupted"


def read_statuses(folder: Path) -> dict[str, Json]:
    """Return what the stages tell, by stage. `running` says that the process is still there."""
    statuses: dict[str, Json] = {}
    for path in sorted(folder.glob("*.json")):
        try:
            status: Json = orjson.loads(path.read_bytes())
        except (FileNotFoundError, orjson.JSONDecodeError):
            continue
        status["running"] = status["ended"] is None and is_alive(status["process"])
        statuses[status["stage"]] = status
    return statuses
