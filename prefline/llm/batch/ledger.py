"""The record of batches that were sent and not yet collected, on disk, and their line formats."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import orjson

from prefline.atomic import atomic_write
from prefline.config import BatchLimits, Endpoint
from prefline.ids import content_hash
from prefline.llm.completion import decode_body
from prefline.llm.request import Request
from prefline.llm.wire import Wire

URL = "/v1/chat/completions"
_OK = 200
_EXPIRED = "batch_expired"


@dataclass(frozen=True, slots=True)
class OutputLine:
    """One line of a batch's output: the request's key, and the HTTP answer; status 0 where
    the request was never made, and then `body` says why."""

    key: str
    status: int
    body: bytes


def input_line(request: Request, wire: Wire) -> bytes:
    """Return the line of a batch's file for a request, in OpenAI's form or Anthropic's; its
    `custom_id` is the request's key."""
    if wire.is_anthropic:
        head, name = {"custom_id": request.key}, b"params"
    else:
        head, name = {"custom_id": request.key, "method": "POST", "url": URL}, b"body"
    return b'%b,"%b":%b}\n' % (orjson.dumps(head)[:-1], name, wire.encode(request))


def split_requests(
    requests: Iterable[Request], limits: BatchLimits, wire: Wire
) -> Iterator[list[Request]]:
    """Split requests, in their order, into parts that a provider takes as one batch each."""
    part: list[Request] = []
    size = 0
    for request in requests:
        length = len(input_line(request, wire))
        if part and (len(part) == limits.max_requests or size + length > limits.max_bytes):
            yield part
            part, size = [], 0
        part.append(request)
        size += length
    if part:
        yield part


def request_bodies(lines: Iterable[bytes]) -> dict[str, bytes]:
    """Return the request bodies of a batch's file, byte for byte as they are sent, by key."""
    bodies = {}
    for line in lines:
        content = orjson.loads(line)
        body = content["body"] if "body" in content else content["params"]
        bodies[content["custom_id"]] = orjson.dumps(body)
    return bodies


def parse_output_line(line: bytes) -> OutputLine | None:
    """Parse a line of a batch's output or error file; None where it names no request."""
    try:
        _, content = decode_body(line)
        key = str(content["custom_id"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None
    if isinstance(content.get("result"), dict):
        return _messages_line(key, content["result"])
    response, error = content.get("response"), content.get("error")
    if not isinstance(response, dict) or response.get("body") is None:
        return OutputLine(key, 0, orjson.dumps(error or response or {"code": _EXPIRED}))
    status = response.get("status_code") or _OK
    # A status that is no number says nothing good, and must not keep the other lines from us.
    body = orjson.dumps(response["body"])
    return OutputLine(key, status if isinstance(status, int) else 0, body)


def _messages_line(key: str, result: dict[str, Any]) -> OutputLine:
    """Parse the result of a message batch: succeeded, errored, canceled or expired."""
    if result.get("type") == "succeeded" and isinstance(result.get("message"), dict):
        return OutputLine(key, _OK, orjson.dumps(result["message"]))
    return OutputLine(key, 0, orjson.dumps(result.get("error") or {"code": result.get("type")}))


@dataclass(frozen=True, slots=True)
class BatchEntry:
    """A batch: `identity` is a hash of its requests, `batch_id` the provider's id, once known."""

    identity: str
    base_url: str
    model: str
    keys: tuple[str, ...]
    batch_id: str | None = None


class Ledger:
    """A folder with two files per batch: the lines that were sent, and the entry.

    The entry is written before anything is sent. A run that was killed between sending and
    recording the provider's id finds the batch by its identity, which goes along as metadata; or,
    with Anthropic, which takes none, by its size and time.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def open_entries(self, endpoint: Endpoint) -> list[BatchEntry]:
        """Return the batches of an endpoint that were not collected yet."""
        entries = [_read(path) for path in sorted(self._folder.glob("*.json"))]
        server = (endpoint.base_url, endpoint.model)
        return [entry for entry in entries if entry and (entry.base_url, entry.model) == server]

    def known_ids(self) -> set[str]:
        """Return the providers' ids of all batches that are recorded."""
        entries = [_read(path) for path in self._folder.glob("*.json")]
        return {entry.batch_id for entry in entries if entry and entry.batch_id}

    def prepare(self, wire: Wire, requests: Iterable[Request]) -> BatchEntry:
        """Record a batch that is about to be sent."""
        endpoint = wire.endpoint
        requests = list(requests)
        keys = tuple(request.key for request in requests)
        identity = content_hash([endpoint.base_url, *sorted(keys)])[:32]
        entry = BatchEntry(identity, endpoint.base_url, endpoint.model, keys)
        with atomic_write(self.lines(entry)) as file:
            file.writelines(input_line(request, wire) for request in requests)
        self._write_entry(entry)
        return entry

    def record_sent(self, entry: BatchEntry, batch_id: str) -> BatchEntry:
        """Record the provider's id of a batch."""
        entry = replace(entry, batch_id=batch_id)
        self._write_entry(entry)
        return entry

    def current(self, entry: BatchEntry) -> BatchEntry | None:
        """Return the entry as it is now; None if another process has collected the batch."""
        return _read(self._path(entry))

    def remove(self, entry: BatchEntry) -> None:
        """Remove a batch whose replies are stored, or that will bring none."""
        self._path(entry).unlink(missing_ok=True)
        self.lines(entry).unlink(missing_ok=True)
        self._lock_path(entry).unlink(missing_ok=True)

    def lock(self, entry: BatchEntry) -> AbstractAsyncContextManager[object]:
        """Let only one process at a time send or collect a batch."""
        from filelock import AsyncFileLock

        return AsyncFileLock(self._lock_path(entry))

    def lines(self, entry: BatchEntry) -> Path:
        """Return the file that is uploaded."""
        return self._folder / f"{entry.identity}.jsonl"

    def bodies(self, entry: BatchEntry) -> dict[str, bytes]:
        """Return the request bodies in a batch, by key."""
        with self.lines(entry).open("rb") as lines:
            return request_bodies(lines)

    def _lock_path(self, entry: BatchEntry) -> Path:
        return self._folder / f"{entry.identity}.lock"

    def _path(self, entry: BatchEntry) -> Path:
        return self._folder / f"{entry.identity}.json"

    def _write_entry(self, entry: BatchEntry) -> None:
        with atomic_write(self._path(entry)) as file:
            file.write(orjson.dumps(asdict(entry)))


def _read(path: Path) -> BatchEntry | None:
    try:
        content = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    return BatchEntry(**content | {"keys": tuple(content["keys"])})
