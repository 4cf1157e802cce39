"""What a reply store holds, by model."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from prefline.llm.outcome import NO_USAGE, Usage, parse_usage
from prefline.llm.replies.record import Record
from prefline.llm.replies.walk import Stored, names_of, walk

UNKNOWN = "unknown"


@dataclass(slots=True)
class ModelShare:
    """What one model's replies come to; `bytes` is what they take on the disk."""

    replies: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    bytes: int = 0

    def add(self, usage: Usage, size: int) -> None:
        """Count one reply."""
        self.replies += 1
        self.input_tokens += usage.input_tokens
        self.output_tokens += usage.output_tokens
        self.bytes += size


@dataclass(slots=True)
class Summary:
    """What some records come to. `oldest` and `newest` are Unix times in seconds; None if
    there are no records."""

    replies: int = 0
    oldest: int | None = None
    newest: int | None = None
    models: dict[str, ModelShare] = field(default_factory=dict)

    def add(self, stored: Stored) -> None:
        """Count one record."""
        at, record = stored.header.at, stored.record
        self.replies += 1
        self.oldest = at if self.oldest is None else min(self.oldest, at)
        self.newest = at if self.newest is None else max(self.newest, at)
        model, usage = (UNKNOWN, NO_USAGE) if record is None else (model_of(record), _usage(record))
        self.models.setdefault(model, ModelShare()).add(usage, stored.size)

    @property
    def bytes(self) -> int:
        """What the records take on the disk."""
        return sum(model.bytes for model in self.models.values())


def summarize(records: Iterable[Stored]) -> Summary:
    """What the records come to."""
    summary = Summary()
    for stored in records:
        summary.add(stored)
    return summary


def summary_of(folder: Path) -> tuple[Summary, list[int]]:
    """What a folder's records come to, and the sizes of its journals in bytes."""
    while True:
        try:
            finished, growing = names_of(folder)
            names = [*finished, *growing]
            sizes = [(folder / name).stat().st_size for name in names]
            return summarize(walk(folder, names)), sizes
        except FileNotFoundError:  # pruned meanwhile
            continue


def model_of(record: Record) -> str:
    """The model that a request names."""
    try:
        return str(orjson.loads(record.request)["model"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return UNKNOWN


def _usage(record: Record) -> Usage:
    try:
        return parse_usage(orjson.loads(record.reply))
    except (orjson.JSONDecodeError, AttributeError):
        return NO_USAGE
