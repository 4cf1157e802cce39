"""The request log: every request as it came, counts, and how often each body was answered."""

from __future__ import annotations

import hashlib
from collections import Counter, deque
from dataclasses import asdict, dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import orjson

_MAX_FAILED_BODIES = 100_000


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One chat completion request, live or as a line of a batch.

    `body` is the hash of the request's bytes (16 hex digits; of a batch's line those of
    `orjson.dumps(line["body"])`), `at` Unix time in seconds, `attempt` the number of earlier
    requests with this body, `answered` whether one of them had been answered in full: then this
    request is a duplicate, bought twice. `status` is 0 where no status is sent, `batch`
    whether the request came in a batch.
    """

    at: float
    body: str
    model: str
    status: int
    attempt: int
    answered: bool
    fault: str | None
    batch: bool = False


@dataclass(frozen=True, slots=True)
class Stats:
    """Counts since the start; `duplicates` had been answered in full, `repeats` only seen.

    A `fast` server does not remember bodies: `distinct`, `repeats` and `duplicates` are
    None. `in_batches` of the `requests` came as lines of batches; they are never in flight.
    """

    requests: int
    distinct: int | None
    repeats: int | None
    duplicates: int | None
    answered: int
    in_flight: int
    peak_in_flight: int
    prompt_tokens: int
    completion_tokens: int
    by_status: dict[str, int]
    by_fault: dict[str, int]
    by_model: dict[str, int]
    in_batches: int = 0


# A log entry in memory: LogEntry's fields in order, the body as a number.
_Entry = tuple[float, int, str, int, int, bool, str | None, bool]


def body_hash(raw: bytes) -> int:
    """Return a 64-bit hash of a request's bytes; `LogEntry.body` is this in hex."""
    return int.from_bytes(hashlib.blake2b(raw, digest_size=8).digest(), "big")


class Journal:
    """Keeps the latest `size` entries in memory, all of them in `path` if given, and counts.

    A `fast` one keeps no entries, and of the bodies only those that it needs to give each
    attempt at a request its own fault.
    """

    def __init__(self, size: int, path: Path | None, *, fast: bool = False) -> None:
        self._latest: deque[_Entry] = deque(maxlen=0 if fast else size)
        # Line by line: what was logged is there to be read while the server runs.
        self._file = path.open("a", encoding="utf-8", buffering=1) if path else None
        self._bodies: AllBodies | FailedBodies = FailedBodies() if fast else AllBodies()
        self._fast = fast
        self._by_status: Counter[int] = Counter()
        self._by_fault: Counter[str | None] = Counter()
        self._by_model: Counter[str] = Counter()
        self._repeats = self._duplicates = self._answered = self._in_batches = 0
        self._prompt_tokens = self._completion_tokens = 0
        self.in_flight = self._peak_in_flight = 0

    def count_request(self, body: int) -> int:
        """Count a request; return the number of earlier ones with the same body."""
        return self._bodies.count_request(body)

    def record(
        self,
        body: int,
        model: str,
        status: int,
        fault: str | None,
        *,
        at: float,
        batch: bool = False,
    ) -> None:
        """Log a counted request, before it is answered."""
        self._by_status[status] += 1
        self._by_model[model] += 1
        self._by_fault[fault] += 1
        self._in_batches += batch
        if status != HTTPStatus.OK or fault is not None:
            self._bodies.mark_failed(body)
        if not self._fast:
            attempt, answered = self._bodies.history(body)
            self._repeats += attempt > 0
            self._duplicates += answered
            self._keep((at, body, model, status, attempt, answered, fault, batch))

    def mark_answered(self, body: int, usage: dict[str, Any]) -> None:
        """Record that a body got a complete reply, and its billed tokens."""
        self._bodies.mark_answered(body)
        self._answered += 1
        self._prompt_tokens += usage["prompt_tokens"]
        self._completion_tokens += usage["completion_tokens"]

    def enter(self) -> None:
        """Count a request as in flight."""
        self.in_flight += 1
        self._peak_in_flight = max(self._peak_in_flight, self.in_flight)

    def leave(self) -> None:
        """Count a request as no longer in flight."""
        self.in_flight -= 1

    def lines(self) -> bytes:
        """Return the latest entries as JSON lines, oldest first."""
        return b"".join(map(_json_line, self._latest))

    def stats(self) -> dict[str, Any]:
        """Return the counts so far, with the keys of `Stats`."""
        fast = self._fast
        stats = Stats(
            requests=self._by_status.total(),
            distinct=None if fast else len(self._bodies),
            repeats=None if fast else self._repeats,
            duplicates=None if fast else self._duplicates,
            answered=self._answered,
            in_flight=self.in_flight,
            peak_in_flight=self._peak_in_flight,
            prompt_tokens=self._prompt_tokens,
            completion_tokens=self._completion_tokens,
            by_status={str(status): count for status, count in self._by_status.items()},
            by_fault={name: count for name, count in self._by_fault.items() if name},
            by_model=dict(self._by_model),
            in_batches=self._in_batches,
        )
        return asdict(stats)

    def close(self) -> None:
        """Close the log file."""
        if self._file:
            self._file.close()

    def _keep(self, entry: _Entry) -> None:
        self._latest.append(entry)
        if self._file:
            self._file.write(_json_line(entry).decode())


def _json_line(entry: _Entry) -> bytes:
    at, body, *rest = entry
    # mypy does not see the types of the rest of a tuple
    return orjson.dumps(asdict(LogEntry(at, f"{body:016x}", *rest))) + b"\n"  # type: ignore[arg-type]


class AllBodies:
    """Remembers every body; about 0.1 KB for each."""

    def __init__(self) -> None:
        # Twice the number of requests, plus one once answered: one number, as there may be
        # millions.
        self._states: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._states)

    def count_request(self, body: int) -> int:
        """Count a request; return the number of earlier ones with the same body."""
        state = self._states.get(body, 0)
        self._states[body] = state + 2
        return state >> 1

    def mark_failed(self, body: int) -> None:
        """Do nothing: failures follow from the counts."""

    def mark_answered(self, body: int) -> None:
        """Record that a body was answered in full."""
        self._states[body] |= 1

    def history(self, body: int) -> tuple[int, bool]:
        """Return the number of requests before the latest one, and whether one was answered."""
        state = self._states[body]
        return (state >> 1) - 1, bool(state & 1)


class FailedBodies:
    """Remembers the latest bodies that failed and were not answered since: bounded memory.

    A body never seen and one answered count alike, as not seen before. So a retry after a
    fault draws anew, as it does among `AllBodies`.
    """

    def __init__(self, maximum: int = _MAX_FAILED_BODIES) -> None:
        self._failures: dict[int, int] = {}
        self._maximum = maximum

    def __len__(self) -> int:
        return len(self._failures)

    def count_request(self, body: int) -> int:
        """Return the number of failures of a body since it was last answered."""
        return self._failures.get(body, 0)

    def mark_failed(self, body: int) -> None:
        """Count a failure; forget the oldest body where there are too many."""
        self._failures[body] = self._failures.pop(body, 0) + 1
        if len(self._failures) > self._maximum:
            del self._failures[next(iter(self._failures))]

    def mark_answered(self, body: int) -> None:
        """Forget a body that was answered in full."""
        self._failures.pop(body, None)

    def history(self, body: int) -> tuple[int, bool]:
        """Return the number of failures, and False: answers are not remembered."""
        return self._failures.get(body, 0), False
