"""The server: who may ask, what is answered, after how long, and what goes wrong."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

import orjson

from prefline.simulator.access import Access
from prefline.simulator.answers import Answers, named_model
from prefline.simulator.batch import BatchApi
from prefline.simulator.config import SimulatorConfig
from prefline.simulator.delivery import (
    body_fault,
    json_response,
    refuse,
    status_fault,
    wire_fault,
)
from prefline.simulator.embeddings import EMBEDDER, embedding_reply
from prefline.simulator.faults import COMPLETE_REPLIES, STATUS_FAULTS, WIRE_FAULTS, FaultPlan
from prefline.simulator.files import FileApi, FileStore
from prefline.simulator.http import Connection, Request, Response
from prefline.simulator.journal import Journal, body_hash
from prefline.simulator.latency import Pace, delay_s
from prefline.simulator.limits import DEFAULT_MAX_TOKENS, RateLimiter, retry_headers
from prefline.simulator.wire import ChatRequest, Refusal, model_list

_CHAT = b"/v1/chat/completions"
_BEHIND_THE_KEY = ("models", "files", "batches", "embeddings")


class Simulator:
    """Answers requests as `config` says; one per server."""

    def __init__(self, config: SimulatorConfig) -> None:
        self._config = config
        self._answers = Answers(config)
        self._access = Access(config.key)
        self._faults = FaultPlan(config.faults, config.seed)
        self._limiter = RateLimiter(config.limits, time.monotonic())
        self._pace = Pace(config.limits.slots)
        path = Path(config.log) if config.log else None
        self._journal = Journal(config.log_entries, path, fast=config.fast)
        store = FileStore(config.seed)
        self._files = FileApi(store)
        self._batches = BatchApi(config, self._answers, self._journal, store)

    @property
    def models(self) -> list[str]:
        """Names of the models served, generators first."""
        return self._answers.models

    def close(self) -> None:
        """End the batches and close the request log."""
        self._batches.close()
        self._journal.close()

    def handle(self, request: Request, connection: Connection) -> None:
        """Answer one HTTP request, at once or after its latency."""
        if request.method == b"POST" and request.target.partition(b"?")[0] == _CHAT:
            self._chat(request, connection)
        else:
            connection.respond(self._route(request))

    def _route(self, request: Request) -> Response:
        method, path = request.method.decode("latin-1"), request.path
        if (method, path) == ("GET", "/health"):
            return json_response({"status": "ok"})
        if (method, path) == ("GET", "/stats"):
            return json_response(self._journal.stats())
        if (method, path) == ("GET", "/log"):
            return Response(200, self._journal.lines(), "application/x-ndjson")
        return self._guarded(request, method, path.strip("/").split("/"))

    def _guarded(self, request: Request, method: str, parts: list[str]) -> Response:
        """What is behind the key."""
        response = None
        known = len(parts) > 1 and parts[0] == "v1" and parts[1] in _BEHIND_THE_KEY
        denied = self._access.denied(request) if known else None
        if denied:
            return refuse(denied)
        if (method, parts) == ("GET", ["v1", "models"]):
            response = json_response(model_list([*self.models, EMBEDDER]))
        elif (method, parts) == ("POST", ["v1", "embeddings"]):
            found = embedding_reply(request.body)
            response = refuse(found) if isinstance(found, Refusal) else json_response(found)
        elif parts[:2] == ["v1", "files"]:
            response = self._files.respond(request, method, parts[2:])
        elif parts[:2] == ["v1", "batches"]:
            response = self._batches.respond(request, method, parts[2:])
        if response is None:
            message = f"Unknown request URL: {method} {request.path}."
            return refuse(Refusal(404, message, code="unknown_url"))
        return response

    def _chat(self, request: Request, connection: Connection) -> None:
        journal, raw = self._journal, request.body
        body = body_hash(raw)
        attempt = journal.sight(body)
        journal.enter()
        chat = self._admit(request)
        if isinstance(chat, Refusal):
            journal.note(body, named_model(raw), (chat.status, None), time.time())
            connection.respond(refuse(chat))
            journal.leave()
            return
        fault = self._faults.draw(body, attempt)
        journal.note(body, chat.model, (_status(fault), fault), time.time())
        answer = partial(self._answer, connection, chat, body, fault)
        self._pace.after(delay_s(self._config.latency, body, attempt), answer)

    def _admit(self, request: Request) -> ChatRequest | Refusal:
        """The request if it is permitted, well formed and within the limits."""
        denied = self._access.denied(request)
        if denied:
            return denied
        chat = self._answers.parse(request.body)
        if isinstance(chat, Refusal):
            return chat
        return self._over_limit(chat) or chat

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

    def _answer(
        self, connection: Connection, chat: ChatRequest, body: int, fault: str | None
    ) -> None:
        if fault in WIRE_FAULTS:
            reply = orjson.dumps(self._answers.reply(chat))
            huge = self._config.huge_body_bytes
            wire_fault(fault, connection, reply, huge, self._journal.leave)
            return
        if fault in STATUS_FAULTS:
            response = status_fault(fault, self._config)
        else:
            response = self._reply(chat, body, fault, delivered=connection.alive)
        connection.respond(response)
        self._journal.leave()

    def _reply(self, chat: ChatRequest, body: int, fault: str | None, delivered: bool) -> Response:
        reply = self._answers.reply(chat)
        # To a client that has gone nothing is delivered, so nothing is bought.
        if delivered and (fault is None or fault in COMPLETE_REPLIES):
            self._journal.answered(body, reply["usage"])
        return json_response(reply) if fault is None else body_fault(fault, reply)


def _status(fault: str | None) -> int:
    """The status that will be sent; 0 where the connection ends or hangs before one is."""
    if fault in STATUS_FAULTS:
        return int(fault)
    return 0 if fault in ("reset", "disconnect", "hang") else 200
