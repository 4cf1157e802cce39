"""One model at work: its replicas, its rates, its money, and the tries of one call."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from prefline.config import Endpoint, EngineParams
from prefline.errors import PreflineError
from prefline.llm.answers import Accepted, Answer, Refused, Stop, TryAgain, classify
from prefline.llm.dispatch import Dispatcher, Replica, Turn
from prefline.llm.http import HttpAnswer
from prefline.llm.limits.backoff import back_off_s
from prefline.llm.limits.breaker import Breaker
from prefline.llm.limits.budget import Budget
from prefline.llm.limits.concurrency import AdaptiveLimit
from prefline.llm.limits.rates import Lease, NoRates, Rates, rates_of
from prefline.llm.outcome import Failure
from prefline.llm.probe import given_up, probe_all, unreachable
from prefline.llm.request import Request
from prefline.llm.transport import Transport
from prefline.llm.usage import Usage, cost_usd, most_tokens


class LocalServers(Protocol):
    """Start local models when they are first needed."""

    slots: int

    def base_url(self, endpoint: Endpoint) -> str:
        """URL of an endpoint's running server, started if need be."""


@dataclass(frozen=True, slots=True)
class Means:
    """What the callers of all models have in common."""

    params: EngineParams
    transport: Transport
    budget: Budget
    local: LocalServers | None = None
    lease: Lease | None = None


class Caller:
    """Calls one model until a call is answered or given up."""

    def __init__(self, endpoint: Endpoint, means: Means) -> None:
        self.endpoint = endpoint
        self._params = means.params
        self._transport = means.transport
        self._budget = means.budget
        self._means = means
        self._rates: Rates = NoRates()
        self._dispatcher = Dispatcher([])
        self._ready: asyncio.Task[None] | None = None
        self._stopped: PreflineError | None = None
        self._random = random.Random()

    @property
    def in_flight(self) -> int:
        """Calls under way."""
        return self._dispatcher.in_flight

    def stop(self, error: PreflineError) -> None:
        """Send nothing more: what has not been sent yet ends with `error`."""
        self._stopped = self._stopped or error

    async def call(self, request: Request) -> Accepted | Failure:
        """The model's answer, or why there is none.

        Raises `EndpointError` where no other call to this model would fare better,
        `SpendLimitReached` before a try that could pass the limit, and what it was stopped with.
        """
        await self._prepared()
        most = most_tokens(request)
        tries, failed, until = 0, 0, None
        failed_at: list[Replica] = []
        while True:
            turn = await self._admit(most, failed_at)
            until = until or _now() + self._params.deadline_s
            answer = await self._try(turn, request, most)
            if isinstance(answer, Accepted):
                return answer
            if isinstance(answer, Refused):
                return Failure(request, answer.reason, answer.detail)
            if isinstance(answer, Stop):
                self.stop(answer.error)
                raise answer.error
            tries, failed = tries + 1, failed + (not answer.told_to_wait)
            failed_at.append(turn.replica)
            wait_s = self._wait_s(tries, answer)
            if failed == self._params.max_tries or _now() + wait_s > until:
                return self._give_up(request, answer, failed)
            await asyncio.sleep(wait_s)

    async def _admit(self, most: Usage, failed_at: Sequence[Replica]) -> Turn:
        """A turn for one try, once rates, servers and budget let it through."""
        await self._rates.take(most.total)
        highest = cost_usd(self.endpoint.prices, most)
        await self._budget.take(highest)
        try:
            return await self._turn(failed_at)
        except BaseException:
            self._budget.settle(highest, 0.0)
            raise

    async def _turn(self, failed_at: Sequence[Replica]) -> Turn:
        turn = await self._dispatcher.acquire(failed_at)
        if turn is None:
            raise given_up(self.endpoint, self._dispatcher.replicas[0].breaker.last_detail)
        if self._stopped is not None:
            self._dispatcher.release(turn)
            raise self._stopped
        return turn

    async def _try(self, turn: Turn, request: Request, most: Usage) -> Answer:
        answer = None
        try:
            url = turn.replica.url
            http = await self._transport.complete(self.endpoint, url, request)
            answer = http if isinstance(http, TryAgain) else _classify(self.endpoint, http, request)
            return answer
        finally:
            # No answer: the call was cancelled on its way, and may be billed.
            self._account(most, answer)
            if answer is not None:
                turn.learn(answer, _now())
            self._dispatcher.release(turn)

    def _account(self, most: Usage, answer: Answer | None) -> None:
        """Settle money and tokens of one try."""
        prices, used = self.endpoint.prices, None if answer is None else answer.usage
        reserved = cost_usd(prices, most)
        if used is None:
            self._budget.doubt(reserved)
        else:
            useful = isinstance(answer, Accepted)
            self._budget.settle(reserved, cost_usd(prices, used), useful=useful)
            self._rates.settle(most.total, used.total)

    def _wait_s(self, tries: int, answer: TryAgain) -> float:
        return back_off_s(tries, self._params.max_back_off_s, answer.after_s, self._random)

    def _give_up(self, request: Request, last: TryAgain, failed: int) -> Failure:
        nobody = all(replica.breaker.failing for replica in self._dispatcher.replicas)
        if last.reason == "unreachable" and nobody:
            raise unreachable(self.endpoint, last.detail)
        spent = failed == self._params.max_tries
        why = f"{failed} tries" if spent else f"not within {self._params.deadline_s:g} s"
        return Failure(request, last.reason, f"{why}: {last.detail}")

    async def _prepared(self) -> None:
        """Find the model's servers; looked for once, by whoever is first."""
        if self._ready is None:
            self._ready = asyncio.create_task(self._prepare())
        if not self._ready.done() or self._ready.exception():
            await asyncio.shield(self._ready)

    async def _prepare(self) -> None:
        self._rates = rates_of(self.endpoint.limits, self._means.lease)
        if self.endpoint.is_local:
            assert self._means.local is not None
            urls: tuple[str, ...] = (
                await asyncio.to_thread(self._means.local.base_url, self.endpoint),
            )
        else:
            urls = self.endpoint.urls
            await probe_all(self._transport, self.endpoint)
        most = max(1, most_in_flight(self.endpoint, self._params, self._means.local) // len(urls))
        params = self._params
        self._dispatcher.replicas += [
            Replica(
                url,
                AdaptiveLimit(most),
                Breaker(params.max_tries, params.max_back_off_s),
                params.deadline_s,
            )
            for url in urls
        ]


def most_in_flight(endpoint: Endpoint, params: EngineParams, local: LocalServers | None) -> int:
    """Calls that a model may get at once, over all its replicas: the bundled one has as many
    slots as that."""
    if endpoint.is_local and local is not None:
        return local.slots
    return endpoint.limits.max_in_flight or params.max_in_flight


def _classify(endpoint: Endpoint, http: HttpAnswer, request: Request) -> Answer:
    return classify(endpoint, http.status, http.headers, http.body, type(request))


def _now() -> float:
    return asyncio.get_running_loop().time()
