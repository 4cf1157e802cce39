"""Progress of a stage: a bar on a terminal, one plain line every 30 seconds elsewhere."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from types import TracebackType
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn
from rich.progress import Progress as Bar

from prefline.llm.outcome import CallStats
from prefline.llm.repeat import repeated
from prefline.text import number_of

_SECONDS_BETWEEN_LINES = 30.0
_SECONDS_BETWEEN_UPDATES = 0.5
_RATE_OVER_S = 20.0


class Spending(Protocol):
    """The money spent, and the limit, in USD."""

    @property
    def spent_usd(self) -> float:
        """Here."""

    @property
    def earlier_usd(self) -> float:
        """By the run's earlier stages."""

    @property
    def limit_usd(self) -> float | None:
        """The USD that the run never passes; None for no limit."""


class Calls(Protocol):
    """A maker of calls that tells of them: an engine, or those of several processes."""

    @property
    def stats(self) -> CallStats:
        """Counts of outcomes."""

    @property
    def budget(self) -> Spending:
        """The spend."""

    @property
    def in_flight(self) -> int:
        """The number of calls under way."""

    @property
    def retries(self) -> Mapping[tuple[str, str], int]:
        """The number of tries that ended by a passing fault, by model and reason."""

    def batch_status(self) -> Iterable[str]:
        """Return what is to be said of batches."""


class RecentRate:
    """Calls a second over the last seconds: what the reply store had comes at once, so that the
    rate since the start says little of what is to come."""

    def __init__(self, started: float) -> None:
        self._done = deque([(started, 0)])

    def of(self, now: float, done: int) -> float:
        """Return the rate, with so many calls done at this second."""
        self._done.append((now, done))
        while now - self._done[0][0] > _RATE_OVER_S and now - self._done[1][0] >= _RATE_OVER_S:
            self._done.popleft()
        since, before = self._done[0]
        return max(0.0, (done - before) / (now - since)) if now > since else 0.0


class Progress:
    """Show how many of `total` calls an engine has answered, also while none ends.

    Use it as a context manager.
    """

    def __init__(self, stage: str, total: int, engine: Calls) -> None:
        self.total = total
        self._stage = stage
        self._engine = engine
        self._started = time.monotonic()
        self._rate = RecentRate(self._started)
        self._bar = _bar() if sys.stderr.isatty() else None
        self._task = self._bar.add_task(stage, total=total, note="") if self._bar else None
        every_s = _SECONDS_BETWEEN_LINES if self._bar is None else _SECONDS_BETWEEN_UPDATES
        self._shown = repeated(self._show, every_s)

    def __enter__(self) -> Progress:
        if self._bar is not None:
            self._bar.start()
        self._shown.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._shown.__exit__(kind, error, trace)
        if self._bar is not None:
            self._show()
            self._bar.stop()

    @property
    def expected(self) -> int:
        """The number of calls in all, as far as it is known: second ones for replies that
        were cut off are in no plan."""
        return max(self.total, self._engine.stats.done)

    @property
    def fraction_done(self) -> float:
        """The fraction of the stage's calls that have ended, from 0 to 1."""
        return self._engine.stats.done / self.expected if self.expected else 1.0

    def status(self) -> str:
        """Describe rate, calls in flight, tokens, cost so far and to come, and time to go."""
        return self._status(self._rate.of(time.monotonic(), self._engine.stats.done))

    def _status(self, rate: float) -> str:
        stats = self._engine.stats
        fresh = stats.done - stats.cached - stats.failed
        left = self.expected - stats.done
        parts = [f"{rate:.1f}/s", f"{stats.tokens:,} tokens"]
        if self._engine.in_flight:
            parts.append(f"{self._engine.in_flight:,} in flight")
        if stats.cached:
            parts.append(f"{stats.cached:,} from the reply store")
        if stats.failed:
            parts.append(f"{stats.failed:,} failed")
        if self._engine.budget.spent_usd:
            to_come = stats.cost_usd / fresh * left if fresh else 0.0
            parts.append(f"${self._engine.budget.spent_usd:.2f} so far, ${to_come:.2f} to come")
        if left and rate:
            to_go = timedelta(seconds=round(left / rate))
            parts.append(f"{to_go} to go")
        return ", ".join([*parts, *self._engine.batch_status()])

    def print_summary(self, result: str) -> None:
        """Print the line that a stage ends with: its result, and the calls and time it took."""
        seconds = time.monotonic() - self._started
        done = self._engine.stats.done
        status = self._status(done / max(seconds, 1e-9))
        took = f"; {number_of(done, 'call')} in {seconds:.0f} s ({status})" if done else ""
        sys.stdout.write(f"{self._stage}: {result}{took}\n")
        for line in self._engine.stats.failure_lines():
            sys.stdout.write(f"{self._stage}: failed calls: {line}\n")

    def _show(self) -> None:
        if self._bar is not None and self._task is not None:
            self._bar.update(
                self._task,
                total=self.expected,
                completed=self._engine.stats.done,
                note=self.status(),
            )
        else:
            done = self._engine.stats.done
            sys.stderr.write(f"{self._stage}: {done}/{self.expected}, {self.status()}\n")
            sys.stderr.flush()


class Steps:
    """Show how far a pass over `total` things is that makes no calls: told how many more are done.

    Use it as a context manager.
    """

    def __init__(self, stage: str, what: str, total: int) -> None:
        self._what, self._total, self._done = f"{stage}: {what}", total, 0
        self._said = -_SECONDS_BETWEEN_LINES
        self._bar = _bar() if sys.stderr.isatty() else None
        self._task = self._bar.add_task(self._what, total=total, note="") if self._bar else None

    def __enter__(self) -> Callable[[int], None]:
        if self._bar is not None:
            self._bar.start()
        self._add(0)
        return self._add

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def _add(self, count: int) -> None:
        self._done += count
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=self._done)
        elif time.monotonic() - self._said >= _SECONDS_BETWEEN_LINES:
            self._said = time.monotonic()
            sys.stderr.write(f"{self._what}, {self._done:,}/{self._total:,}\n")
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
