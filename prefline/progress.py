"""How far a stage is: a bar on a terminal, one plain line every 30 seconds elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from prefline.engine import Engine, Outcome, Reply

_SECONDS_BETWEEN_LINES = 30.0


class Progress:
    """Counts outcomes as they pass and shows them. Use as a context manager."""

    def __init__(self, stage: str, total: int, engine: Engine) -> None:
        self.total = total
        self._engine = engine
        self.done = self.cached = self.failed = self.tokens = 0
        self.cost_usd = 0.0
        self._stage = stage
        self._started = self._last_line = time.monotonic()
        self._bar = _bar() if sys.stderr.isatty() else None
        self._task = self._bar.add_task(stage, total=total, note="") if self._bar else None

    def __enter__(self) -> Progress:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def watch(self, outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
        """The same outcomes, each counted."""
        for outcome in outcomes:
            self._count(outcome)
            yield outcome

    def _count(self, outcome: Outcome) -> None:
        self.done += 1
        if isinstance(outcome, Reply):
            self.cached += outcome.cached
            if not outcome.cached:
                self.tokens += outcome.usage.total
                self.cost_usd += outcome.cost_usd
        else:
            self.failed += 1
        self._show()

    def _show(self) -> None:
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=self.done, note=self._note())
        elif time.monotonic() - self._last_line > _SECONDS_BETWEEN_LINES:
            self._last_line = time.monotonic()
            sys.stderr.write(f"{self._stage}: {self.done}/{self.total}, {self._note()}\n")
            sys.stderr.flush()

    def _note(self) -> str:
        elapsed = max(time.monotonic() - self._started, 1e-9)
        fresh = self.done - self.cached - self.failed
        to_come = self.cost_usd / fresh * (self.total - self.done) if fresh else 0.0
        parts = [f"{self.done / elapsed:.1f}/s", f"{self.tokens:,} tokens"]
        if self.cached:
            parts.append(f"{self.cached:,} from the reply store")
        if self.failed:
            parts.append(f"{self.failed:,} failed")
        if self.cost_usd:
            parts.append(f"${self.cost_usd:.2f} so far, ${to_come:.2f} to come")
        return ", ".join(parts)

    def say(self, what: str) -> None:
        """The one line that a stage ends with: what it made, and what that took."""
        seconds = time.monotonic() - self._started
        took = f"; {self.done:,} calls in {seconds:.0f} s ({self._note()})" if self.done else ""
        sys.stdout.write(f"{self._stage}: {what}{took}\n")


def _bar() -> Bar:
    return Bar(
        TextColumn("{task.description:>9}"),
        BarColumn(),
        TaskProgressColumn(show_speed=False),
        TextColumn("{task.completed}/{task.total}"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
        console=Console(stderr=True),
    )
