"""Which batches were sent and not yet collected: on disk, so that none is paid for twice."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import orjson

from prefline.atomic import atomic_write
from prefline.config import Endpoint
from prefline.ids import content_hash
from prefline.llm.batch.lines import bodies, input_line
from prefline.llm.request import Request


@dataclass(frozen=True, slots=True)
class Entry:
    """A batch: `identity` is a hash of what is in it, `batch_id` the provider's, once known."""

    identity: str
    base_url: str
    model: str
    keys: tuple[str, ...]
    batch_id: str | None = None


class Ledger:
    """A folder with two files per batch: the lines that were sent, and the entry.

    The entry is written before anything is sent. Whoever dies between sending and noting the
    provider's id finds the batch by its identity, which goes along as metadata.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def open_entries(self, endpoint: Endpoint) -> list[Entry]:
        """The batches of an endpoint that were not collected yet."""
        entries = [_read(path) for path in sorted(self._folder.glob("*.json"))]
        mine = (endpoint.base_url, endpoint.model)
        return [entry for entry in entries if entry and (entry.base_url, entry.model) == mine]

    def prepare(self, endpoint: Endpoint, requests: Iterable[Request]) -> Entry:
        """Note a batch that is about to be sent."""
        requests = list(requests)
        keys = tuple(request.key for request in requests)
        identity = content_hash([endpoint.base_url, *sorted(keys)])[:32]
        entry = Entry(identity, endpoint.base_url, endpoint.model, keys)
        self._folder.mkdir(parents=True, exist_ok=True)
        _write(self.lines(entry), (input_line(request) for request in requests))
        self._write_entry(entry)
        return entry

    def sent(self, entry: Entry, batch_id: str) -> Entry:
        """Note the provider's id of a batch."""
        entry = replace(entry, batch_id=batch_id)
        self._write_entry(entry)
        return entry

    def current(self, entry: Entry) -> Entry | None:
        """The entry as it is now; None if the batch was collected by another process."""
        return _read(self._path(entry))

    def close(self, entry: Entry) -> None:
        """Forget a batch whose replies are stored, or that will bring none."""
        self._path(entry).unlink(missing_ok=True)
        self.lines(entry).unlink(missing_ok=True)
        self._lock(entry).unlink(missing_ok=True)

    def lock(self, entry: Entry) -> AbstractAsyncContextManager[object]:
        """Only one process at a time sends or collects a batch."""
        from filelock import AsyncFileLock

        return AsyncFileLock(self._lock(entry))

    def lines(self, entry: Entry) -> Path:
        """The file that is uploaded."""
        return self._folder / f"{entry.identity}.jsonl"

    def bodies(self, entry: Entry) -> dict[str, bytes]:
        """The request bodies in a batch, by key."""
        with self.lines(entry).open("rb") as lines:
            return bodies(lines)

    def _lock(self, entry: Entry) -> Path:
        return self._folder / f"{entry.identity}.lock"

    def _path(self, entry: Entry) -> Path:
        return self._folder / f"{entry.identity}.json"

    def _write_entry(self, entry: Entry) -> None:
        _write(self._path(entry), [orjson.dumps(asdict(entry))])


def _read(path: Path) -> Entry | None:
    try:
        content = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    return Entry(**content | {"keys": tuple(content["keys"])})


def _write(path: Path, chunks: Iterable[bytes]) -> None:
    with atomic_write(path) as file:
        file.writelines(chunks)
