"""The endpoints of `/v1/batches`."""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter
from typing import Any

from prefline.simulator.answers import Answers, decoded
from prefline.simulator.batch.lines import CHAT_ENDPOINT
from prefline.simulator.batch.state import ENDED, WINDOW_S, Batch
from prefline.simulator.batch.work import BatchWork
from prefline.simulator.config import SimulatorConfig
from prefline.simulator.delivery import json_response, refuse
from prefline.simulator.draws import key_of
from prefline.simulator.files import FileStore, page, whole_number
from prefline.simulator.http import Request, Response
from prefline.simulator.journal import Journal, body_hash
from prefline.simulator.wire import Refusal

_SHOWN, _MOST_SHOWN = 20, 100
_MOST_METADATA = 16


class BatchApi:
    """Creates batches and tells of them; each is worked on by a task of its own."""

    def __init__(
        self, config: SimulatorConfig, answers: Answers, journal: Journal, store: FileStore
    ) -> None:
        self._config = config
        self._store = store
        self._work = BatchWork(config, answers, journal, store)
        self._batches: dict[str, Batch] = {}
        self._sent: Counter[int] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()

    def respond(self, request: Request, method: str, rest: list[str]) -> Response | None:
        """The answer to `/v1/batches/...rest`; None for what is no endpoint."""
        match method, rest:
            case "POST", []:
                return self._create(decoded(request.body))
            case "GET", []:
                return self._list(request.query)
            case "GET", [batch_id]:
                return self._show(batch_id)
            case "POST", [batch_id, "cancel"]:
                return self._cancel(batch_id)
        return None

    def close(self) -> None:
        """Work on no batch any more."""
        for task in self._tasks:
            task.cancel()

    def _create(self, body: Any) -> Response:
        flaw = _flaw(body)
        if flaw:
            return refuse(flaw)
        file = self._store.get(body["input_file_id"])
        if file is None or file.purpose != "batch":
            message = f"No such file with purpose 'batch': {body['input_file_id']}."
            return refuse(Refusal(400, message, param="input_file_id"))
        batch = self._new(body)
        self._batches[batch.id] = batch
        # A large file takes a while to hash, and only a planted failure asks how often it came.
        content = body_hash(file.content) if self._config.batch.fail else 0
        task = asyncio.ensure_future(self._work.run(batch, file.content, self._sent[content]))
        self._sent[content] += 1
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return json_response(batch.describe())

    def _new(self, body: dict[str, Any]) -> Batch:
        seed = self._config.seed.to_bytes(8, "big", signed=True)
        name = key_of(b"new batch", seed, len(self._batches).to_bytes(8, "big")).hex()
        window = body["completion_window"]
        spec = self._config.batch
        lasts = math.ceil(spec.latency_ms / 1000) if spec.expired_share else WINDOW_S[window]
        return Batch(
            id=f"batch_{name}",
            input_file_id=body["input_file_id"],
            endpoint=body["endpoint"],
            window=window,
            metadata=body.get("metadata"),
            expires_at=int(time.time()) + lasts,
        )

    def _list(self, query: dict[str, str]) -> Response:
        limit = whole_number(query, "limit", _SHOWN, _MOST_SHOWN)
        if isinstance(limit, Refusal):
            return refuse(limit)
        newest_first = list(reversed(self._batches.values()))
        listed = page(newest_first, query.get("after"), limit)
        return refuse(listed) if isinstance(listed, Refusal) else json_response(listed)

    def _show(self, batch_id: str) -> Response:
        batch = self._batches.get(batch_id)
        return refuse(_unknown(batch_id)) if batch is None else json_response(batch.describe())

    def _cancel(self, batch_id: str) -> Response:
        batch = self._batches.get(batch_id)
        if batch is None:
            return refuse(_unknown(batch_id))
        if batch.status in ENDED or batch.status == "finalizing":
            message = f"Cannot cancel a batch with status '{batch.status}'."
            return refuse(Refusal(409, message))
        if not batch.cancel.is_set():
            batch.enter("cancelling")
            batch.cancel.set()
        return json_response(batch.describe())


def _unknown(batch_id: str) -> Refusal:
    return Refusal(404, f"No batch found with id '{batch_id}'.", param="id")


def _flaw(body: Any) -> Refusal | None:
    """What is wrong with the body of a `POST /v1/batches`."""
    if not isinstance(body, dict):
        return Refusal(400, "The body is not a JSON object.")
    checks = (
        ("input_file_id", isinstance(body.get("input_file_id"), str), "the id of a file"),
        ("endpoint", body.get("endpoint") == CHAT_ENDPOINT, CHAT_ENDPOINT),
        ("completion_window", body.get("completion_window") in WINDOW_S, " or ".join(WINDOW_S)),
        ("metadata", _is_metadata(body.get("metadata")), "at most 16 pairs of strings"),
    )
    for param, fine, expected in checks:
        if not fine:
            return Refusal(400, f"Invalid '{param}': it must be {expected}.", param=param)
    return None


def _is_metadata(value: Any) -> bool:
    if value is None:
        return True
    return (
        isinstance(value, dict)
        and len(value) <= _MOST_METADATA
        and all(isinstance(text, str) for text in value.values())
    )
