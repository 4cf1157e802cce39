"""How far a stage is: a bar on a terminal, one plain line every 30 seconds elsewhere."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterable, Iterator
from datetime import timedelta
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn
from rich.progress import Progress as Bar

from prefline.engine import Engine, Outcome, Reply

_SECONDS_BETWEEN_LINES = 30.0
_SECONDS_BETWEEN_LOOKS = 0.5


class Progress:
    """Counts outcomes as they pass and shows them, also while none comes. A context manager."""

    def __init__(self, stage: str, total: int, engine: Engine) -> None:
        self.total = total
        self.done = self.cached = self.failed = self.tokens = 0
        self.cost_usd = 0.0
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

    def watch(self, outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
        """The same outcomes, each counted."""
        for outcome in outcomes:
            self._count(outcome)
            yield outcome

    @property
    def share(self) -> float:
        """The share of the stage's calls that have ended, from 0 to 1."""
        return self.done / self.total if self.total else 1.0

    def note(self) -> str:
        """Rate, calls in flight, tokens, cost so far and to come, time to go."""
        elapsed = max(time.monotonic() - self._started, 1e-9)
        fresh = self.done - self.cached - self.failed
        left = self.total - self.done
        parts = [f"{self.done / elapsed:.1f}/s", f"{self.tokens:,} tokens"]
        if self._engine.in_flight:
            parts.append(f"{self._engine.in_flight:,} in flight")
        if self.cached:
            parts.append(f"{self.cached:,} from the reply store")
        if self.failed:
            parts.append(f"{self.failed:,} failed")
        if self._engine.budget.spent_usd:
            to_come = self.cost_usd / fresh * left if fresh else 0.0
            parts.append(f"${self._engine.budget.spent_usd:.2f} so far, ${to_come:.2f} to come")
        if left and self.done:
            to_go = timedelta(seconds=round(elapsed / self.done * left))
            parts.append(f"{to_go} to go")
        return ", ".join([*parts, *self._engine.notes()])

    def say(self, what: str) -> None:
        """The one line that a stage ends with: what it made, and what that took."""
        seconds = time.monotonic() - self._started
        took = f"; {self.done:,} calls in {seconds:.0f} s ({self.note()})" if self.done else ""
        sys.stdout.write(f"{self._stage}: {what}{took}\n")

    def _count(self, outcome: Outcome) -> None:
        self.done += 1
        if isinstance(outcome, Reply):
            self.cached += outcome.cached
            if not outcome.cached:
                self.tokens += outcome.usage.total
                self.cost_usd += outcome.cost_usd
        else:
            self.failed += 1

    def _show_on(self) -> None:
        every = _SECONDS_BETWEEN_LINES if self._bar is None else _SECONDS_BETWEEN_LOOKS
        while not self._ended.wait(every):
            self._show()

    def _show(self) -> None:
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=self.done, note=self.note())
        else:
            sys.stderr.write(f"{self._stage}: {self.done}/{self.total}, {self.note()}\n")
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
