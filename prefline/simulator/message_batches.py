"""`/v1/messages/batches`: Anthropic's message batches, with the time they take and failed lines."""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson
from aiohttp import web

from prefline.simulator.batch_file import line_fault
from prefline.simulator.config import SimulatorConfig
from prefline.simulator.dialects import Front
from prefline.simulator.journal import Journal, body_hash
from prefline.simulator.models import Models
from prefline.simulator.truth import key_of
from prefline.simulator.wire import ApiError, decode, page_limit

_CUSTOM_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_SLICE = 32
_LISTED, _MAX_LISTED = 20, 1_000
_KINDS = ("succeeded", "errored", "expired", "canceled")


@dataclass(slots=True)
class MessageBatch:
    """One batch; `results` are its lines once it has ended."""

    id: str
    requests: list[dict[str, Any]]
    created: float = field(default_factory=time.time)
    ended: float | None = None
    canceled: bool = False
    results: list[dict[str, Any]] = field(default_factory=list)

    def describe(self) -> dict[str, Any]:
        """Return the batch object of Anthropic's API."""
        counts = {
            kind: sum(line["result"]["type"] == kind for line in self.results) for kind in _KINDS
        }
        counts["processing"] = len(self.requests) - len(self.results)
        status = "ended" if self.ended else "canceling" if self.canceled else "in_progress"
        return {
            "id": self.id,
            "type": "message_batch",
            "processing_status": status,
            "request_counts": counts,
            "created_at": _time(self.created),
            "expires_at": _time(self.created + 86_400),
            "ended_at": _time(self.ended) if self.ended else None,
            "results_url": f"/v1/messages/batches/{self.id}/results" if self.ended else None,
        }


class MessageBatches:
    """Answers requests for `/v1/messages/batches`; each batch is a task of its own."""

    def __init__(
        self, config: SimulatorConfig, models: Models, journal: Journal, front: Front
    ) -> None:
        self._config = config
        self._models = models
        self._journal = journal
        self._front = front
        self._batches: dict[str, MessageBatch] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def respond(
        self, request: web.BaseRequest, parts: list[str]
    ) -> dict[str, Any] | bytes | None:
        """Answer a request for `/v1/messages/batches/...parts`, None for an unknown one.

        Raises `ApiError` for a bad request.
        """
        match request.method, parts:
            case "POST", []:
                return self._create(decode(await request.read()), request)
            case "GET", []:
                return self._page(request)
            case "GET", [batch_id]:
                return self._require(batch_id).describe()
            case "GET", [batch_id, "results"]:
                lines = self._require(batch_id).results
                return b"".join(orjson.dumps(line) + b"\n" for line in lines)
            case "POST", [batch_id, "cancel"]:
                batch = self._require(batch_id)
                batch.canceled = True
                return batch.describe()
        return None

    def close(self) -> None:
        """Stop the work on all batches."""
        for task in self._tasks:
            task.cancel()

    def _create(self, body: Any, request: web.BaseRequest) -> dict[str, Any]:
        requests = body.get("requests") if isinstance(body, dict) else None
        if not isinstance(requests, list) or not requests:
            raise ApiError(400, "requests: a list of at least one request is required")
        seen = set[str]()
        for number, line in enumerate(requests):
            name = line.get("custom_id")
            if not isinstance(name, str) or not _CUSTOM_ID.fullmatch(name) or name in seen:
                raise ApiError(400, f"requests.{number}.custom_id: must be unique, up to 64 of a-z")
            seen.add(name)
        name = key_of(b"message batch", len(self._batches).to_bytes(8, "big")).hex()
        batch = self._batches[f"msgbatch_{name}"] = MessageBatch(f"msgbatch_{name}", requests)
        headers = dict(request.headers)
        headers = {name.lower(): value for name, value in headers.items()}
        task = asyncio.ensure_future(self._work(batch, headers))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return batch.describe()

    def _page(self, request: web.BaseRequest) -> dict[str, Any]:
        limit = page_limit(request.query, _LISTED, _MAX_LISTED)
        newest_first = list(reversed(self._batches.values()))
        after = request.query.get("after_id")
        ids = [batch.id for batch in newest_first]
        start = ids.index(after) + 1 if after in ids else 0
        shown = newest_first[start : start + limit]
        return {
            "data": [batch.describe() for batch in shown],
            "first_id": shown[0].id if shown else None,
            "last_id": shown[-1].id if shown else None,
            "has_more": start + limit < len(newest_first),
        }

    def _require(self, batch_id: str) -> MessageBatch:
        batch = self._batches.get(batch_id)
        if batch is None:
            raise ApiError(404, f"No message batch found with id '{batch_id}'.")
        return batch

    async def _work(self, batch: MessageBatch, headers: dict[str, str]) -> None:
        await asyncio.sleep(self._config.batch.latency_ms / 1000)
        results = []
        for number, line in enumerate(batch.requests):
            if batch.canceled:
                results.append({"custom_id": line["custom_id"], "result": {"type": "canceled"}})
                continue
            results.append({"custom_id": line["custom_id"], "result": self._result(line, headers)})
            if number % _SLICE == 0:
                await asyncio.sleep(0)
        batch.results = sorted(results, key=lambda line: key_of(line["custom_id"].encode()))
        batch.ended = time.time()

    def _result(self, line: dict[str, Any], headers: dict[str, str]) -> dict[str, Any]:
        raw = orjson.dumps(line.get("params"))
        body = body_hash(raw)
        attempt = self._journal.count_request(body)
        fault = line_fault(self._config.batch.line_failures, self._config.seed, body, attempt)
        try:
            if fault is not None:
                raise ApiError(500, "Simulated fault: the server failed.")
            chat = self._models.parse(self._front.accept(headers, raw), attempt)
        except ApiError as error:
            self._journal.record(body, "", error.status, fault, at=time.time(), batch=True)
            return {"type": "errored", "error": self._front.error(error)}
        reply = self._models.reply(chat)
        self._journal.record(body, chat.model, 200, None, at=time.time(), batch=True)
        self._journal.mark_answered(body, reply["usage"])
        return {"type": "succeeded", "message": orjson.loads(self._front.encode(reply, raw))}


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
