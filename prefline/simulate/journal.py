"""What the server was asked: every request as it came, and how often each body was answered."""

from __future__ import annotations

import hashlib
from collections import Counter, deque
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One chat completion request.

    `body` is the hash of the request's bytes (16 hex digits), `at` Unix time in seconds,
    `attempt` how often the body had been seen before, `answered` whether it had already
    been answered in full: then this request is a duplicate, bought twice. `status` is 0
    where no status is sent.
    """

    at: float
    body: str
    model: str
    status: int
    attempt: int
    answered: bool
    fault: str | None


@dataclass(frozen=True, slots=True)
class Stats:
    """Counts since the start; `duplicates` had been answered in full, `repeats` only seen."""

    requests: int
    distinct: int
    repeats: int
    duplicates: int
    answered: int
    in_flight: int
    peak_in_flight: int
    prompt_tokens: int
    completion_tokens: int
    by_status: dict[str, int]
    by_fault: dict[str, int]
    by_model: dict[str, int]


def body_hash(raw: bytes) -> int:
    """What stands for a request's bytes, 64 bits: `LogEntry.body` is this in hex."""
    return int.from_bytes(hashlib.blake2b(raw, digest_size=8).digest(), "big")


class Journal:
    """Keeps the latest `size` entries in memory, all of them in `path` if given, and counts."""

    def __init__(self, size: int, path: Path | None) -> None:
        self._latest: deque[LogEntry] = deque(maxlen=size)
        # Line by line: what was logged is there to be read while the server runs.
        self._file = path.open("a", encoding="utf-8", buffering=1) if path else None
        self._times: dict[int, int] = {}
        self._answered: set[int] = set()
        self._status: Counter[str] = Counter()
        self._fault: Counter[str] = Counter()
        self._model: Counter[str] = Counter()
        self._repeats = self._duplicates = self._replies = 0
        self._prompt = self._completion = 0
        self.in_flight = self._peak = 0

    def sight(self, body: int) -> int:
        """Count a body as seen; how often it had been seen before."""
        before = self._times.get(body, 0)
        self._times[body] = before + 1
        return before

    def note(self, at: float, body: int, model: str, outcome: tuple[int, str | None]) -> None:
        """Log a request whose (status, fault) is decided, before it is answered."""
        status, fault = outcome
        attempt, answered = self._times[body] - 1, body in self._answered
        entry = LogEntry(at, f"{body:016x}", model, status, attempt, answered, fault)
        self._status[str(status)] += 1
        self._model[model] += 1
        self._fault[fault or "none"] += 1
        self._repeats += attempt > 0
        self._duplicates += answered
        self._latest.append(entry)
        if self._file:
            self._file.write(orjson.dumps(asdict(entry)).decode() + "\n")

    def answered(self, body: int, usage: dict[str, int]) -> None:
        """Note that a body got a reply in full, and what it would be billed."""
        self._answered.add(body)
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
        return b"".join(orjson.dumps(asdict(entry)) + b"\n" for entry in self._latest)

    def stats(self) -> dict[str, Any]:
        """The counts so far, as `Stats` has them."""
        counts = Stats(
            requests=self._status.total(),
            distinct=len(self._times),
            repeats=self._repeats,
            duplicates=self._duplicates,
            answered=self._replies,
            in_flight=self.in_flight,
            peak_in_flight=self._peak,
            prompt_tokens=self._prompt,
            completion_tokens=self._completion,
            by_status=dict(self._status),
            by_fault={name: count for name, count in self._fault.items() if name != "none"},
            by_model=dict(self._model),
        )
        return asdict(counts)

    def close(self) -> None:
        """Close the log file."""
        if self._file:
            self._file.close()
