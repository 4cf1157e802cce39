"""What the server was asked: every request as it came, and how often each body was answered."""

from __future__ import annotations

import hashlib
from collections import Counter, deque
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

from prefline.simulator.seen import AllBodies, StruckBodies


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One chat completion request, live or as a line of a batch.

    `body` is the hash of the request's bytes (16 hex digits; of a batch's line those of
    `orjson.dumps(line["body"])`), `at` Unix time in seconds, `attempt` how often the body had
    been seen before, `answered` whether it had already been answered in full: then this
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

    A `fast` server does not know which bodies it has seen: `distinct`, `repeats` and
    `duplicates` are None. `in_batches` of the `requests` came as lines of batches; they
    are never in flight.
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


# A log entry as it is kept: LogEntry's fields in order, the body as a number.
_Entry = tuple[float, int, str, int, int, bool, str | None, bool]


def body_hash(raw: bytes) -> int:
    """What stands for a request's bytes, 64 bits: `LogEntry.body` is this in hex."""
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
        self._seen: AllBodies | StruckBodies = StruckBodies() if fast else AllBodies()
        self._fast = fast
        self._status: Counter[int] = Counter()
        self._fault: Counter[str | None] = Counter()
        self._model: Counter[str] = Counter()
        self._repeats = self._duplicates = self._replies = self._in_batches = 0
        self._prompt = self._completion = 0
        self.in_flight = self._peak = 0

    def sight(self, body: int) -> int:
        """Count a body as seen; how often it had been seen before."""
        return self._seen.sight(body)

    def note(
        self, body: int, model: str, outcome: tuple[int, str | None], at: float, batch: bool = False
    ) -> None:
        """Log a request whose (status, fault) is decided, before it is answered."""
        status, fault = outcome
        self._status[status] += 1
        self._model[model] += 1
        self._fault[fault] += 1
        self._in_batches += batch
        if status != 200 or fault is not None:  # noqa: PLR2004
            self._seen.strike(body)
        if not self._fast:
            attempt, answered = self._seen.history(body)
            self._repeats += attempt > 0
            self._duplicates += answered
            self._keep((at, body, model, status, attempt, answered, fault, batch))

    def answered(self, body: int, usage: dict[str, Any]) -> None:
        """Note that a body got a reply in full, and what it would be billed."""
        self._seen.answer(body)
        self._replies += 1
        self._prompt += usage["prompt_tokens"]
        self._completion += usage["completion_tokens"]

    def enter(self) -> None:
        """A request is in flight."""
        self.in_flight += 1
        self._peak = max(self._peak, self.in_flight)

    def leave(self) -> None:
        """A request is no longer in flight."""
        self.in_flight -= 1

    def lines(self) -> bytes:
        """The latest entries as JSON lines, oldest first."""
        return b"".join(map(_line, self._latest))

    def stats(self) -> dict[str, Any]:
        """The counts so far, as `Stats` has them."""
        fast = self._fast
        counts = Stats(
            requests=self._status.total(),
            distinct=None if fast else len(self._seen),
            repeats=None if fast else self._repeats,
            duplicates=None if fast else self._duplicates,
            answered=self._replies,
            in_flight=self.in_flight,
            peak_in_flight=self._peak,
            prompt_tokens=self._prompt,
            completion_tokens=self._completion,
            by_status={str(status): count for status, count in self._status.items()},
            by_fault={name: count for name, count in self._fault.items() if name},
            by_model=dict(self._model),
            in_batches=self._in_batches,
        )
        return asdict(counts)

    def close(self) -> None:
        """Close the log file."""
        if self._file:
            self._file.close()

    def _keep(self, entry: _Entry) -> None:
        self._latest.append(entry)
        if self._file:
            self._file.write(_line(entry).decode())


def _line(entry: _Entry) -> bytes:
    at, body, *rest = entry
    return orjson.dumps(asdict(LogEntry(at, f"{body:016x}", *rest))) + b"\n"  # type: ignore[arg-type]
