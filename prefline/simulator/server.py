"""The HTTP server: access, routes, limits, latency, and the faults that break a connection."""

from __future__ import annotations

import asyncio
import hmac
import socket
import struct
import time
from contextlib import AbstractAsyncContextManager, nullcontext
from http import HTTPStatus
from pathlib import Path
from typing import Any

import orjson
from aiohttp import hdrs, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import HttpVersion11, RawRequestMessage
from aiohttp.streams import StreamReader
from aiohttp.web_protocol import RequestHandler

from prefline.simulator.batch import BatchApi
from prefline.simulator.batch_file import CHAT_ENDPOINT
from prefline.simulator.config import SimulatorConfig
from prefline.simulator.dialects import front_of
from prefline.simulator.faults import (
    COMPLETE_REPLIES,
    ERROR_REPLIES,
    STATUS_FAULTS,
    WIRE_FAULTS,
    FaultPlan,
    raw_reply,
    spoil,
)
from prefline.simulator.files import FileStore
from prefline.simulator.journal import Journal, body_hash
from prefline.simulator.limits import DEFAULT_MAX_TOKENS, RateLimiter, latency_s, retry_headers
from prefline.simulator.message_batches import MessageBatches
from prefline.simulator.models import EMBEDDER, Models, embedding_reply, requested_model
from prefline.simulator.rewards import PATHS, REWARDER, reward_reply
from prefline.simulator.wire import ApiError, ChatRequest, model_list

MAX_BODY = 2**28
_JSON = "application/json"
_BEHIND_THE_KEY = ("models", "files", "batches", "embeddings", "messages")
_NO_COMPLETIONS = ("html200", "invalid_json", "truncated_json")
_OVERLOADS = {"429", "503", "529"}
# The loop's clock has whole milliseconds, rounded down: no reply shall be early.
_TICK_S = 0.001
_HTML = (
    b"<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head>"
    b"<body><h1>502 Bad Gateway</h1></body></html>"
)
_CHAT_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
_HUGE_CHUNK = b"x" * 2**16


class Simulator:
    """Answers requests as `config` says; one per server."""

    def __init__(self, config: SimulatorConfig) -> None:
        self._config = config
        self._models = Models(config)
        self._front = front_of(config.dialect)
        prefix = self._front.key_prefix
        self._key = None if config.key is None else f"{prefix}{config.key}".encode()
        self._faults = FaultPlan(config.faults, config.seed, config.lasting)
        self._limiter = RateLimiter(config.limits, time.monotonic())
        slots = config.limits.slots
        self._slots: AbstractAsyncContextManager[None] = (
            asyncio.Semaphore(slots) if slots else nullcontext()
        )
        path = Path(config.log) if config.log else None
        self._journal = Journal(config.log_entries, path, fast=config.fast)
        self._files = FileStore(config.seed)
        self._batches = BatchApi(config, self._models, self._journal, self._files)
        self._message_batches = MessageBatches(config, self._models, self._journal, self._front)

    @property
    def models(self) -> list[str]:
        """Return the names of the models served, generators first."""
        return self._models.names

    def http_server(self) -> web.Server:
        """Return aiohttp's low-level server; a client that leaves cancels its request.

        A router and middlewares would cost as much as the whole reply does.
        """
        return web.Server(
            self._handle,
            request_factory=_make_request,
            handler_cancellation=True,
            access_log=None,
        )

    def close(self) -> None:
        """Stop the batches and close the request log."""
        self._batches.close()
        self._message_batches.close()
        self._journal.close()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.headers.get(hdrs.EXPECT, "").lower() == "100-continue":
            await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            request.writer.output_size = 0
        try:
            path = request.raw_path.partition("?")[0]
            if self._config.dialect is not None:
                path = self._front.path(request.path, request.query)
            if request.method == "POST" and path == CHAT_ENDPOINT:
                return await self._chat(request)
            return await self._route(request, path)
        except ApiError as error:
            return _json(self._front.error(error), error.status, error.headers)

    async def _route(self, request: web.BaseRequest, path: str) -> web.StreamResponse:
        parts = path.strip("/").split("/")
        if request.method == "POST" and "/".join(parts) in PATHS:
            self._check_key(request)
            return _json(reward_reply("/".join(parts), await request.read()))
        if len(parts) > 1 and parts[0] == "v1" and parts[1] in _BEHIND_THE_KEY:
            self._check_key(request)
            body = await self._api(request, parts[1:])
        else:
            body = self._figures(request.method, parts)
        if body is None:
            message = f"Unknown request URL: {request.method} {request.path}."
            raise ApiError(404, message, code="unknown_url")
        if isinstance(body, bytes):
            kind = "application/x-ndjson" if parts == ["log"] else "application/octet-stream"
            return web.Response(body=body, content_type=kind)
        return _json(body)

    async def _api(
        self, request: web.BaseRequest, parts: list[str]
    ) -> dict[str, Any] | bytes | None:
        match request.method, parts:
            case "GET", ["models"]:
                if not self._config.list_models:
                    raise ApiError(403, "This key may not list models.")
                return model_list([*self.models, EMBEDDER, REWARDER])
            case "POST", ["embeddings"]:
                return embedding_reply(await request.read())
            case _, ["files", *rest]:
                return await self._files.respond(request, rest)
            case _, ["messages", "batches", *rest]:
                return await self._message_batches.respond(request, rest)
            case _, ["batches", *rest]:
                return await self._batches.respond(request, rest)
        return None

    def _figures(self, method: str, parts: list[str]) -> dict[str, Any] | bytes | None:
        match method, parts:
            case "GET", ["health"]:
                return {"status": "ok"}
            case "GET", ["stats"]:
                return self._journal.stats()
            case "GET", ["log"]:
                return self._journal.lines()
        return None

    def _check_key(self, request: web.BaseRequest) -> None:
        if self._key is None:
            return
        key = request.headers.get(self._front.key_header, "").encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(key, self._key):
            # The key is not repeated: it would end in the client's log.
            raise ApiError(401, "Incorrect API key provided.", code="invalid_api_key")

    async def _chat(self, request: web.BaseRequest) -> web.StreamResponse:
        journal, raw = self._journal, await request.read()
        body = body_hash(raw)
        attempt = journal.count_request(body)
        journal.enter()
        try:
            try:
                chat = self._admit(request, raw, attempt)
            except ApiError as error:
                journal.record(body, requested_model(raw), error.status, None, at=time.time())
                raise
            fault = self._faults.draw(body, attempt)
            journal.record(body, chat.model, _status_sent(fault), fault, at=time.time())
            delay_s = latency_s(self._config.latency, body, attempt)
            async with self._slots:
                if delay_s > 0:
                    await asyncio.sleep(delay_s + _TICK_S)
            return await self._reply(request, raw, chat, body, fault)
        finally:
            journal.leave()

    def _admit(self, request: web.BaseRequest, raw: bytes, attempt: int) -> ChatRequest:
        """Return the request; raises `ApiError` if it is not permitted, well formed, in limits."""
        self._check_key(request)
        if self._config.dialect is not None:
            headers = {name.lower(): value for name, value in request.headers.items()}
            raw = self._front.accept(headers, raw)
        chat = self._models.parse(raw, attempt)
        concurrent = self._config.limits.concurrent
        if concurrent is not None and self._journal.in_flight > concurrent:
            raise self._rate_limit("requests in flight", None)
        tokens = 0
        if self._limiter.counts_tokens:
            tokens = chat.words + chat.n * (chat.max_tokens or DEFAULT_MAX_TOKENS)
        wait_s = self._limiter.admit(tokens, time.monotonic())
        if wait_s > 0:
            raise self._rate_limit("requests or tokens per minute", wait_s)
        return chat

    def _rate_limit(self, limit: str, wait_s: float | None) -> ApiError:
        headers = {} if wait_s is None else retry_headers(wait_s, self._config.retry_after)
        hint = "" if wait_s is None else f" Please try again in {wait_s:.3f}s."
        return ApiError(
            429,
            f"Rate limit reached: {limit}.{hint}",
            type="requests",
            code="rate_limit_exceeded",
            headers=headers,
        )

    async def _reply(
        self, request: web.BaseRequest, raw: bytes, chat: ChatRequest, body: int, fault: str | None
    ) -> web.StreamResponse:
        if fault in STATUS_FAULTS:
            raise _status_fault(fault, self._config)
        if fault in ERROR_REPLIES:
            return _error_reply(fault)
        reply = self._models.reply(chat)
        if fault in WIRE_FAULTS:
            return await _break(request, fault, orjson.dumps(reply), self._config.huge_body_bytes)
        # To a client that has gone nothing is delivered, so nothing is bought.
        transport = request.transport
        is_connected = transport is not None and not transport.is_closing()
        if is_connected and (fault is None or fault in COMPLETE_REPLIES):
            self._journal.mark_answered(body, reply["usage"])
        if fault in _NO_COMPLETIONS:
            return _broken_reply(fault, reply)
        if fault is not None:
            encoded = self._front.encode(spoil(fault, reply), raw)
            return web.Response(body=raw_reply(fault, encoded), content_type=_JSON)
        encoded = self._front.encode(reply, raw)
        is_persistent = request.keep_alive and request.version == HttpVersion11
        if is_persistent:
            return _ChatReply(encoded)
        return web.Response(body=encoded, content_type=_JSON)


def _make_request(
    message: RawRequestMessage,
    payload: StreamReader,
    protocol: RequestHandler,
    writer: AbstractStreamWriter,
    task: asyncio.Task[None],
) -> web.BaseRequest:
    """Make a request as the server would, but for the size of a body that it takes."""
    loop = asyncio.get_running_loop()
    return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=MAX_BODY)


class _ChatReply(web.StreamResponse):
    """Status 200 and a JSON body, in one write with a fixed head.

    Nearly all replies are such ones, and a `web.Response` costs 20 us of CPU more.
    """

    def __init__(self, body: bytes) -> None:
        super().__init__()
        self._bytes = _CHAT_HEAD % len(body) + body

    @property
    def keep_alive(self) -> bool:
        """Return True: the connection takes the next request."""
        return True

    async def prepare(self, request: web.BaseRequest) -> None:
        """Write the whole reply."""
        if request.transport is not None:
            request.transport.write(self._bytes)

    async def write_eof(self, data: bytes = b"") -> None:
        """Do nothing: the reply is written."""


def _json(data: Any, status: int = 200, headers: Any = None) -> web.Response:
    return web.Response(body=orjson.dumps(data), status=status, headers=headers, content_type=_JSON)


def _status_sent(fault: str | None) -> int:
    """Return the status that will be sent; 0 where the connection ends or hangs before one is."""
    if fault in ERROR_REPLIES:
        return ERROR_REPLIES[fault][0]
    if fault in STATUS_FAULTS:
        return int(fault)
    return 0 if fault in ("reset", "disconnect", "hang") else HTTPStatus.OK


def _status_fault(name: str, config: SimulatorConfig) -> ApiError:
    """Return a planted error status; 429, 503 and 529 may say when to return."""
    wait_s = config.fault_retry_after_s
    headers = {}
    if name in _OVERLOADS and wait_s is not None:
        headers = retry_headers(wait_s, config.retry_after)
    return ApiError(
        int(name),
        f"Simulated fault: {STATUS_FAULTS[name]}.",
        type="server_error" if name >= "500" else "invalid_request_error",
        code="rate_limit_exceeded" if name == "429" else None,
        headers=headers,
    )


def _error_reply(name: str) -> web.Response:
    """Return a provider's error in the shape that it has there."""
    status, content = ERROR_REPLIES[name]
    if isinstance(content, str):
        return web.Response(body=content.encode(), status=status, content_type="text/html")
    return _json(content, status)


def _broken_reply(name: str, reply: dict[str, Any]) -> web.Response:
    """Return status 200 with something that is no completion."""
    if name == "html200":
        return web.Response(body=_HTML, content_type="text/html")
    if name == "invalid_json":
        return web.Response(body=b"upstream connect error", content_type="text/plain")
    whole = orjson.dumps(reply)
    return web.Response(body=whole[: len(whole) // 2], content_type=_JSON)


async def _break(
    request: web.BaseRequest, fault: str, reply: bytes, huge_body_bytes: int
) -> web.StreamResponse:
    """Let the connection itself fail; the response returned is never sent or sent already."""
    if fault == "hang":
        await asyncio.Event().wait()  # until the client leaves, or the server ends
    response = web.StreamResponse(headers={hdrs.CONTENT_TYPE: _JSON})
    response.force_close()
    if fault == "huge_body":
        response.enable_chunked_encoding()
        await response.prepare(request)
        await response.write(b'{"id": "')
        for _ in range(-(-huge_body_bytes // len(_HUGE_CHUNK))):
            await response.write(_HUGE_CHUNK)
        await response.write(b'"}')
        return response
    transport = request.transport
    if transport is None:
        return response
    if fault == "cut_off":
        response.content_length = len(reply)
        await response.prepare(request)
        await response.write(reply[: len(reply) // 2])
        transport.close()
        return response
    if fault == "reset":
        # Lingering for 0 s makes the kernel send RST in place of FIN.
        linger = struct.pack("ii", 1, 0)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    transport.abort()
    return response
