"""One model's endpoint at work: its readiness, its limit, and the tries of one call."""

from __future__ import annotations

import asyncio
import random
from typing import Protocol

from prefline.engine.answers import Accepted, Answer, Refused, Stop, TryAgain, classify
from prefline.engine.backoff import back_off_s
from prefline.engine.concurrency import AdaptiveLimit
from prefline.engine.probe import probe, unreachable
from prefline.engine.request import Failure, Request
from prefline.engine.transport import Transport
from prefline.params import Endpoint, EngineParams


class LocalServer(Protocol):
    """Starts the bundled model when it is first needed."""

    slots: int

    def base_url(self) -> str:
        """URL of the running server, started if need be."""


class Caller:
    """Calls one endpoint until a call is answered or given up."""

    def __init__(
        self,
        endpoint: Endpoint,
        params: EngineParams,
        transport: Transport,
        local: LocalServer | None,
    ) -> None:
        self.endpoint = endpoint
        self._params = params
        self._transport = transport
        self._local = local
        self._limit = AdaptiveLimit(most_in_flight(endpoint, params, local))
        self._ready: asyncio.Task[str] | None = None
        self._random = random.Random()

    async def call(self, request: Request) -> bytes | Failure:
        """The endpoint's reply as it came, or why there is none.

        Raises `EndpointError` where no other call to this endpoint would fare better.
        """
        base_url = await self._prepared()
        tries = 0
        while True:
            tries += 1
            answer = await self._try(base_url, request)
            if isinstance(answer, Accepted):
                return answer.body
            if isinstance(answer, Stop):
                raise answer.error
            if isinstance(answer, Refused):
                return Failure(request, answer.reason, answer.detail)
            if tries == self._params.max_tries:
                return self._give_up(request, answer)
            longest = self._params.max_back_off_s
            await asyncio.sleep(back_off_s(tries, longest, answer.after_s, self._random))

    def _give_up(self, request: Request, last: TryAgain) -> Failure:
        if last.reason == "unreachable":
            raise unreachable(self.endpoint, last.detail)
        return Failure(request, last.reason, f"{self._params.max_tries} tries: {last.detail}")

    async def _try(self, base_url: str, request: Request) -> Answer:
        async with self._limit.slot():
            http = await self._transport.complete(self.endpoint, base_url, request)
        if isinstance(http, TryAgain):
            return http
        answer = classify(self.endpoint, http.status, http.headers, http.body)
        if isinstance(answer, TryAgain) and answer.overloaded:
            self._limit.overloaded()
        elif isinstance(answer, Accepted):
            self._limit.succeeded()
        return answer

    async def _prepared(self) -> str:
        """The URL of an endpoint that was found to answer; looked at once, by whoever is first."""
        if self._ready is None:
            self._ready = asyncio.create_task(self._prepare())
        return await asyncio.shield(self._ready)

    async def _prepare(self) -> str:
        if self.endpoint.is_local:
            assert self._local is not None
            return await asyncio.to_thread(self._local.base_url)
        await probe(self._transport, self.endpoint, self.endpoint.base_url)
        return self.endpoint.base_url


def most_in_flight(endpoint: Endpoint, params: EngineParams, local: LocalServer | None) -> int:
    """Calls that an endpoint may get at once: the bundled model has as many slots as that."""
    if endpoint.is_local and local is not None:
        return local.slots
    return params.max_in_flight
