"""`/v1/batches`: OpenAI's batch API, with the time it takes and its failures planted."""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal

from aiohttp import web

from prefline.simulator.batch_file import (
    CHAT_ENDPOINT,
    MAX_ERRORS,
    BatchError,
    Line,
    LineChecker,
    LineResult,
    answer_line,
    file_error,
    line_fault,
    numbered_lines,
    shuffled,
    unreached_line,
)
from prefline.simulator.config import SimulatorConfig
from prefline.simulator.files import FileStore
from prefline.simulator.journal import Journal, body_hash
from prefline.simulator.models import Models
from prefline.simulator.truth import key_of, uniforms
from prefline.simulator.wire import ApiError, check_all, decode, page, page_limit

Status = Literal[
    "validating",
    "failed",
    "in_progress",
    "finalizing",
    "completed",
    "expired",
    "cancelling",
    "cancelled",
]
_ENDED = frozenset({"failed", "completed", "expired", "cancelled"})
_STAMPED = ("in_progress", "finalizing", "completed", "failed", "expired", "cancelling",
            "cancelled")  # fmt: skip
_WINDOWS_S = {"24h": 86_400}
_LISTED, _MAX_LISTED = 20, 100
_MAX_METADATA = 16

# Lines are worked on in slices so short that live requests hardly wait.
_SLICE = 32
_POLL_S = 0.005
# Shares of the latency at which the lines begin, and end.
_FIRST_LINE, _LAST_LINE = 0.1, 0.9


@dataclass(slots=True)
class Batch:
    """One batch. Its status changes through `enter` only; `cancelled` wakes its task."""

    id: str
    input_file_id: str
    endpoint: str
    window: str
    metadata: dict[str, str] | None
    expires_at: int
    created_at: int = field(default_factory=lambda: int(time.time()))
    status: Status = "validating"
    started: float = field(default_factory=time.monotonic)
    stamps: dict[str, int] = field(default_factory=dict)
    errors: list[BatchError] = field(default_factory=list)
    model: str | None = None
    total: int = 0
    completed: int = 0
    failed: int = 0
    tokens: Counter[str] = field(default_factory=Counter)
    output_file_id: str | None = None
    error_file_id: str | None = None
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)

    def enter(self, status: Status) -> None:
        """Change the status and note when."""
        self.status = status
        self.stamps[status] = int(time.time())

    def count(self, result: LineResult) -> None:
        """Count a line that had its turn."""
        usage = result.usage
        if usage is None:
            self.failed += 1
            return
        self.completed += 1
        self.tokens["input"] += usage["prompt_tokens"]
        self.tokens["output"] += usage["completion_tokens"]
        self.tokens["cached"] += usage.get("prompt_tokens_details", {}).get("cached_tokens", 0)
        details = usage.get("completion_tokens_details", {})
        self.tokens["reasoning"] += details.get("reasoning_tokens", 0)

    def describe(self) -> dict[str, Any]:
        """Return the batch object of OpenAI's API."""
        errors = {"object": "list", "data": [error.describe() for error in self.errors]}
        tokens = self.tokens
        return {
            "id": self.id,
            "object": "batch",
            "endpoint": self.endpoint,
            "model": self.model,
            "errors": errors if self.errors else None,
            "input_file_id": self.input_file_id,
            "completion_window": self.window,
            "status": self.status,
            "output_file_id": self.output_file_id,
            "error_file_id": self.error_file_id,
            "created_at": self.created_at,
            "expires_at": self.expires_at,
            **{f"{status}_at": self.stamps.get(status) for status in _STAMPED},
            "request_counts": {
                "total": self.total,
                "completed": self.completed,
                "failed": self.failed,
            },
            "usage": {
                "input_tokens": tokens["input"],
                "input_tokens_details": {"cached_tokens": tokens["cached"]},
                "output_tokens": tokens["output"],
                "output_tokens_details": {"reasoning_tokens": tokens["reasoning"]},
                "total_tokens": tokens["input"] + tokens["output"],
            },
            "metadata": self.metadata,
        }


class BatchApi:
    """Answers requests for `/v1/batches`; each batch is worked on by a task of its own."""

    def __init__(
        self, config: SimulatorConfig, models: Models, journal: Journal, files: FileStore
    ) -> None:
        self._config = config
        self._files = files
        self._runner = BatchRunner(config, models, journal, files)
        self._batches: dict[str, Batch] = {}
        self._uploads: Counter[int] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()

    async def respond(self, request: web.BaseRequest, parts: list[str]) -> dict[str, Any] | None:
        """Answer a request for `/v1/batches/...parts`, None for an unknown endpoint.

        Raises `ApiError` for a bad request.
        """
        match request.method, parts:
            case "POST", []:
                return self._create(decode(await request.read()))
            case "GET", []:
                limit = page_limit(request.query, _LISTED, _MAX_LISTED)
                newest_first = list(reversed(self._batches.values()))
                return page(newest_first, request.query.get("after"), limit)
            case "GET", [batch_id]:
                return self._require(batch_id).describe()
            case "POST", [batch_id, "cancel"]:
                return self._cancel(self._require(batch_id))
        return None

    def close(self) -> None:
        """Stop the work on all batches."""
        for task in self._tasks:
            task.cancel()

    def _create(self, body: Any) -> dict[str, Any]:
        _check_params(body)
        file = self._files.get(body["input_file_id"])
        if file is None or file.purpose != "batch":
            message = f"No such file with purpose 'batch': {body['input_file_id']}."
            raise ApiError(400, message, param="input_file_id")
        batch = self._new_batch(body)
        self._batches[batch.id] = batch
        # A large file takes a while to hash, and only a planted failure counts its uploads.
        content = body_hash(file.content) if self._config.batch.fail else 0
        task = asyncio.ensure_future(self._runner.run(batch, file.content, self._uploads[content]))
        self._uploads[content] += 1
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return batch.describe()

    def _new_batch(self, body: dict[str, Any]) -> Batch:
        seed = self._config.seed.to_bytes(8, "big", signed=True)
        name = key_of(b"new batch", seed, len(self._batches).to_bytes(8, "big")).hex()
        window = body["completion_window"]
        spec = self._config.batch
        window_s = math.ceil(spec.latency_ms / 1000) if spec.expired_share else _WINDOWS_S[window]
        return Batch(
            id=f"batch_{name}",
            input_file_id=body["input_file_id"],
            endpoint=body["endpoint"],
            window=window,
            metadata=body.get("metadata"),
            expires_at=int(time.time()) + window_s,
        )

    def _cancel(self, batch: Batch) -> dict[str, Any]:
        if batch.status in _ENDED or batch.status == "finalizing":
            raise ApiError(409, f"Cannot cancel a batch with status '{batch.status}'.")
        if not batch.cancelled.is_set():
            batch.enter("cancelling")
            batch.cancelled.set()
        return batch.describe()

    def _require(self, batch_id: str) -> Batch:
        batch = self._batches.get(batch_id)
        if batch is None:
            raise ApiError(404, f"No batch found with id '{batch_id}'.", param="id")
        return batch


def _check_params(body: Any) -> None:
    if not isinstance(body, dict):
        raise ApiError(400, "The body is not a JSON object.")
    check_all(
        (
            ("input_file_id", isinstance(body.get("input_file_id"), str), "the id of a file"),
            ("endpoint", body.get("endpoint") == CHAT_ENDPOINT, CHAT_ENDPOINT),
            (
                "completion_window",
                body.get("completion_window") in _WINDOWS_S,
                " or ".join(_WINDOWS_S),
            ),
            ("metadata", _is_metadata(body.get("metadata")), "at most 16 pairs of strings"),
        )
    )


def _is_metadata(value: Any) -> bool:
    if value is None:
        return True
    return (
        isinstance(value, dict)
        and len(value) <= _MAX_METADATA
        and all(isinstance(text, str) for text in value.values())
    )


class BatchRunner:
    """Takes batches from `validating` to their end."""

    def __init__(
        self, config: SimulatorConfig, models: Models, journal: Journal, files: FileStore
    ) -> None:
        self._config = config
        self._models = models
        self._journal = journal
        self._files = files

    async def run(self, batch: Batch, content: bytes, attempt: int) -> None:
        """Run a batch; `attempt` is the number of earlier batches with the same file."""
        checker = await self._validate(batch, content, attempt)
        if batch.cancelled.is_set():
            batch.enter("cancelled")
        elif checker.errors:
            batch.errors = checker.errors[:MAX_ERRORS]
            batch.enter("failed")
        else:
            batch.model, batch.total = checker.model, len(checker.lines)
            batch.enter("in_progress")
            await self._work(batch, checker.lines)

    async def _validate(self, batch: Batch, content: bytes, attempt: int) -> LineChecker:
        spec = self._config.batch
        checker = LineChecker(self._models.names, spec.max_lines)
        planted = _planted_failure(spec.fail, self._config.seed, content, attempt)
        error = file_error(content, spec.max_bytes) or planted
        if error:
            checker.errors.append(error)
        else:
            await _check_lines(checker, content, batch)
        await self._wait_until(batch, _FIRST_LINE)
        return checker

    async def _work(self, batch: Batch, lines: list[Line]) -> None:
        share = self._config.batch.expired_share
        reached = lines[: len(lines) - math.ceil(share * len(lines))]
        results = await self._answer(batch, reached)
        status: Status
        if batch.cancelled.is_set():
            status, code = "cancelled", "batch_cancelled"
        elif share:
            await self._wait_until(batch, 1.0)
            status, code = "expired", "batch_expired"
        else:
            batch.enter("finalizing")
            await self._wait_until(batch, 1.0, or_cancelled=False)
            status, code = "completed", ""
        unreached = [unreached_line(line, batch.id, code) for line in lines[len(results) :]]
        self._write(batch, results, unreached)
        batch.enter(status)

    async def _answer(self, batch: Batch, lines: list[Line]) -> list[LineResult]:
        """Answer the lines, evenly over their part of the latency, until a cancel."""
        results: list[LineResult] = []
        while len(results) < len(lines) and not batch.cancelled.is_set():
            due = math.ceil(self._share_due(batch) * len(lines))
            batch_slice = lines[len(results) : min(due, len(results) + _SLICE)]
            results += [self._answer_line(batch, line) for line in batch_slice]
            await asyncio.sleep(0 if len(results) < due else _POLL_S)
        return results

    def _answer_line(self, batch: Batch, line: Line) -> LineResult:
        body = body_hash(line.body)
        attempt = self._journal.count_request(body)
        share = self._config.batch.line_failures
        fault = line_fault(share, self._config.seed, body, attempt)
        result = answer_line(line, batch.id, self._models, fault)
        self._journal.record(
            body, batch.model or "", result.status, result.fault, at=time.time(), batch=True
        )
        if result.usage is not None:
            self._journal.mark_answered(body, result.usage)
        batch.count(result)
        return result

    def _write(self, batch: Batch, results: list[LineResult], unreached: list[bytes]) -> None:
        """Write the output file and the error file, each only if it has a line."""
        mixed = shuffled(results, batch.id.encode())
        succeeded = b"".join([result.text for result in mixed if result.usage is not None])
        failed = b"".join([*(result.text for result in mixed if result.usage is None), *unreached])
        if succeeded:
            batch.output_file_id = self._add_file(batch, succeeded, "output")
        if failed:
            batch.error_file_id = self._add_file(batch, failed, "error")

    def _add_file(self, batch: Batch, content: bytes, kind: str) -> str:
        return self._files.add(content, f"{batch.id}_{kind}.jsonl", "batch_output").id

    def _share_due(self, batch: Batch) -> float:
        """Return the share of the lines that should be done by now."""
        latency_s = self._config.batch.latency_ms / 1000
        passed_s = time.monotonic() - batch.started
        if passed_s >= latency_s * _LAST_LINE:
            return 1.0
        return max(0.0, (passed_s / latency_s - _FIRST_LINE) / (_LAST_LINE - _FIRST_LINE))

    async def _wait_until(self, batch: Batch, share: float, *, or_cancelled: bool = True) -> None:
        """Wait for a share of the latency to pass, or for a cancel."""
        due = batch.started + share * self._config.batch.latency_ms / 1000
        left_s = max(0.0, due - time.monotonic())
        if not or_cancelled:
            await asyncio.sleep(left_s)
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(batch.cancelled.wait(), left_s)


async def _check_lines(checker: LineChecker, content: bytes, batch: Batch) -> None:
    for number, raw in numbered_lines(content):
        checker.add(number, raw)
        if checker.gave_up or batch.cancelled.is_set():
            return
        if number % _SLICE == 0:
            await asyncio.sleep(0)


def _planted_failure(share: float, seed: int, content: bytes, attempt: int) -> BatchError | None:
    """Draw whether a batch of this file fails as a whole, as above a provider's limit."""
    if share == 0:
        return None  # a large file takes a while to hash
    key = key_of(b"batch", seed.to_bytes(8, "big", signed=True), content)
    if uniforms(key, "fail", attempt)[0] >= share:
        return None
    message = "Simulated fault: the enqueued token limit is reached. Please try again later."
    return BatchError("token_limit_exceeded", message)
