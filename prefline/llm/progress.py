"""How far a stage is: a bar on a terminal, one plain line every 30 seconds elsewhere."""

from __future__ import annotations

import sys
import threading
import time
from datetime import timedelta
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn
from rich.progress import Progress as Bar

from prefline.llm import Engine

_SECONDS_BETWEEN_LINES = 30.0
_SECONDS_BETWEEN_LOOKS = 0.5


class Progress:
    """Shows what an engine has answered of `total` calls, also while nothing comes. A context
    manager."""

    def __init__(self, stage: str, total: int, engine: Engine) -> None:
        self.total = total
        self._stage = stage
        self._engine = engine
        self._started = time.monotonic()
        self._ended = threading.Event()
        self._bar = _bar() if sys.stderr.isatty() else None
        self._task = self._bar.add_task(stage, total=total, note="") if self._bar else None
        self._thread = threading.Thread(target=self._show_on, daemon=True)

    def __enter__(self) -> Progress:
        if self._bar is not None:
            self._bar.start()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()
        if self._bar is not None:
            self._show()
            self._bar.stop()

    @property
    def share(self) -> float:
        """The share of the stage's calls that have ended, from 0 to 1."""
        return min(self._engine.tally.done / self.total, 1.0) if self.total else 1.0

    def note(self) -> str:
        """Rate, calls in flight, tokens, cost so far and to come, time to go."""
        elapsed = max(time.monotonic() - self._started, 1e-9)
        so_far = self._engine.tally
        fresh = so_far.done - so_far.cached - so_far.failed
        left = max(self.total - so_far.done, 0)
        parts = [f"{so_far.done / elapsed:.1f}/s", f"{so_far.tokens:,} tokens"]
        if self._engine.in_flight:
            parts.append(f"{self._engine.in_flight:,} in flight")
        if so_far.cached:
            parts.append(f"{so_far.cached:,} from the reply store")
        if so_far.failed:
            parts.append(f"{so_far.failed:,} failed")
        if self._engine.budget.spent_usd:
            to_come = so_far.cost_usd / fresh * left if fresh else 0.0
            parts.append(f"${self._engine.budget.spent_usd:.2f} so far, ${to_come:.2f} to come")
        if left and so_far.done:
            to_go = timedelta(seconds=round(elapsed / so_far.done * left))
            parts.append(f"{to_go} to go")
        return ", ".join([*parts, *self._engine.notes()])

    def say(self, what: str) -> None:
        """The one line that a stage ends with: what it made, and what that took."""
        seconds = time.monotonic() - self._started
        done = self._engine.tally.done
        took = f"; {done:,} calls in {seconds:.0f} s ({self.note()})" if done else ""
        sys.stdout.write(f"{self._stage}: {what}{took}\n")

    def _show_on(self) -> None:
        every = _SECONDS_BETWEEN_LINES if self._bar is None else _SECONDS_BETWEEN_LOOKS
        while not self._ended.wait(every):
            self._show()

    def _show(self) -> None:
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=self._engine.tally.done, note=self.note())
        else:
            done = self._engine.tally.done
            sys.stderr.write(f"{self._stage}: {done}/{self.total}, {self.note()}\n")
            sys.stderr.flush()


def _bar() -> Bar:
    return Bar(
        TextColumn("{task.description:>9}"),
        BarColumn(),
        TaskProgressColumn(show_speed=False),
        TextColumn("{task.completed}/{task.total}"),
        TextColumn("{task.fields[note]}"),
        console=Console(stderr=True),
    )
