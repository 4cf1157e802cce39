"""The server: who may ask, what is answered, after how long, and what goes wrong."""

from __future__ import annotations

import asyncio
import hmac
import time
from pathlib import Path
from typing import Any, Protocol

import orjson
from aiohttp import ClientPayloadError, web

from prefline.simulate.config import SimulatorConfig
from prefline.simulate.delivery import (
    body_fault,
    json_response,
    refuse,
    status_fault,
    wire_fault,
)
from prefline.simulate.faults import COMPLETE_REPLIES, STATUS_FAULTS, WIRE_FAULTS, FaultPlan
from prefline.simulate.generator import GeneratorModel
from prefline.simulate.journal import Journal, body_hash
from prefline.simulate.judge import JudgeModel
from prefline.simulate.latency import delay_s
from prefline.simulate.limits import DEFAULT_MAX_TOKENS, RateLimiter, retry_headers
from prefline.simulate.wire import (
    Answer,
    ChatRequest,
    Refusal,
    completion,
    model_list,
    parse_chat,
)

_UNBOUNDED = 2**31


class Model(Protocol):
    """What answers under a model's name."""

    def answer(self, request: ChatRequest, sample: int) -> Answer:
        """The `sample`-th choice, a function of its arguments."""
        ...


class Simulator:
    """Answers requests as `config` says; one per server."""

    def __init__(self, config: SimulatorConfig) -> None:
        self._config = config
        self._models: dict[str, Model] = {
            **{name: GeneratorModel(spec) for name, spec in config.generators.items()},
            **{name: JudgeModel(spec) for name, spec in config.judges.items()},
        }
        self._faults = FaultPlan(config.faults, config.seed)
        self._limiter = RateLimiter(config.limits, time.monotonic())
        self._slots = asyncio.Semaphore(config.limits.slots or _UNBOUNDED)
        self._journal = Journal(config.log_entries, Path(config.log) if config.log else None)

    @property
    def models(self) -> list[str]:
        """Names of the models served, generators first."""
        return list(self._models)

    def close(self) -> None:
        """Close the request log."""
        self._journal.close()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one HTTP request; a client that leaves in the middle of it is no failure."""
        try:
            return await self._route(request)
        except (ConnectionError, ClientPayloadError):
            # Nobody is there to read this; aiohttp drops it with the connection.
            return web.Response()

    async def _route(self, request: web.BaseRequest) -> web.StreamResponse:
        route = (request.method, request.path)
        if route == ("POST", "/v1/chat/completions"):
            return await self._chat(request)
        if route == ("GET", "/health"):
            return json_response({"status": "ok"})
        if route == ("GET", "/stats"):
            return json_response(self._journal.stats())
        if route == ("GET", "/log"):
            lines = self._journal.lines()
            return web.Response(body=lines, headers={"Content-Type": "application/x-ndjson"})
        if route == ("GET", "/v1/models"):
            denied = self._denied(request)
            return refuse(denied) if denied else json_response(model_list(self.models))
        message = f"Unknown request URL: {request.method} {request.path}."
        return refuse(Refusal(404, message, code="unknown_url"))

    async def _chat(self, http: web.BaseRequest) -> web.StreamResponse:
        raw = await http.read()
        body = body_hash(raw)
        attempt = self._journal.sight(body)
        self._journal.enter()
        try:
            chat = self._admit(http, raw)
            model = _named_model(raw) if isinstance(chat, Refusal) else chat.model
            fault = None if isinstance(chat, Refusal) else self._faults.draw(body, attempt)
            self._journal.note(time.time(), body, model, (_status(chat, fault), fault))
            if isinstance(chat, Refusal):
                return refuse(chat)
            await self._take_time(body, attempt)
            return await self._answer(http, chat, body, fault)
        finally:
            self._journal.leave()

    def _admit(self, http: web.BaseRequest, raw: bytes) -> ChatRequest | Refusal:
        """The request if it is well formed, permitted and within the limits."""
        denied = self._denied(http)
        if denied:
            return denied
        chat = parse_chat(_decoded(raw), self._config.seed)
        if isinstance(chat, Refusal):
            return chat
        if chat.model not in self._models:
            message = f"The model '{chat.model}' does not exist or you do not have access to it."
            return Refusal(404, message, code="model_not_found", param="model")
        return self._over_limit(chat) or chat

    def _denied(self, http: web.BaseRequest) -> Refusal | None:
        key = self._config.key
        if key is None:
            return None
        given = http.headers.get("Authorization", "").encode()
        if hmac.compare_digest(given, b"Bearer " + key.encode()):
            return None
        # The key given is not repeated: it would end in the client's log.
        return Refusal(401, "Incorrect API key provided.", code="invalid_api_key")

    def _over_limit(self, chat: ChatRequest) -> Refusal | None:
        most = self._config.limits.concurrent
        if most is not None and self._journal.in_flight > most:
            return self._too_many("requests in flight", None)
        cost = 0
        if self._limiter.counts_tokens:
            cost = chat.words + chat.n * (chat.max_tokens or DEFAULT_MAX_TOKENS)
        wait = self._limiter.admit(cost, time.monotonic())
        return self._too_many("requests or tokens per minute", wait) if wait > 0 else None

    def _too_many(self, what: str, wait: float | None) -> Refusal:
        headers = {} if wait is None else retry_headers(wait, self._config.retry_after)
        again = "" if wait is None else f" Please try again in {wait:.3f}s."
        message = f"Rate limit reached: {what}.{again}"
        return Refusal(429, message, "requests", "rate_limit_exceeded", None, headers)

    async def _take_time(self, body: int, attempt: int) -> None:
        async with self._slots:
            delay = delay_s(self._config.latency, body, attempt)
            if delay > 0:
                await asyncio.sleep(delay)

    async def _answer(
        self, http: web.BaseRequest, chat: ChatRequest, body: int, fault: str | None
    ) -> web.StreamResponse:
        if fault in STATUS_FAULTS:
            return status_fault(fault, self._config)
        model = self._models[chat.model]
        reply = completion(chat, [model.answer(chat, sample) for sample in range(chat.n)])
        if fault in WIRE_FAULTS:
            return await wire_fault(fault, http, reply, self._config)
        # To a client that has gone nothing is delivered, so nothing is bought.
        delivered = http.transport is not None and not http.transport.is_closing()
        if delivered and (fault is None or fault in COMPLETE_REPLIES):
            self._journal.answered(body, reply["usage"])
        return json_response(reply) if fault is None else body_fault(fault, reply)


def _status(chat: ChatRequest | Refusal, fault: str | None) -> int:
    """The status that will be sent; 0 where the connection ends or hangs before one is."""
    if isinstance(chat, Refusal):
        return chat.status
    if fault in STATUS_FAULTS:
        return int(fault)
    return 0 if fault in ("reset", "disconnect", "hang") else 200


def _decoded(raw: bytes) -> Any:
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None


def _named_model(raw: bytes) -> str:
    """The model that a refused request names, for the log; empty if it names none."""
    body = _decoded(raw)
    return str(body.get("model", "")) if isinstance(body, dict) else ""
