"""Calls to one model: its replicas, rate limits, money, and the tries of each call."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from prefline.config import Endpoint, EngineParams
from prefline.errors import PreflineError
from prefline.llm.backpressure import (
    AdaptiveConcurrency,
    CircuitBreaker,
    SharedBackoff,
    backoff_s,
)
from prefline.llm.budget import Budget
from prefline.llm.completion import warn_once
from prefline.llm.dispatch import Dispatcher, Permit, Replica
from prefline.llm.outcome import Failure, cost_usd, max_usage
from prefline.llm.parsing import Accepted, Answer, Refused, Retry, Stop, classify
from prefline.llm.rate_limits import UNLIMITED, AcquireSlots, RateLimiter, rate_limiter_for
from prefline.llm.refusals import find_changes, plain_request, refused_error
from prefline.llm.request import Request
from prefline.llm.transport import Transport, down_error, probe_replicas, unreachable_error
from prefline.llm.wire import Wire

_REFUSALS_TO_SUSPECT = 3


class LocalServers(Protocol):
    """Start local models when they are first needed."""

    slots: int

    def base_url(self, endpoint: Endpoint) -> str:
        """Return the URL of an endpoint's running server, started if need be."""


class _Reservation(NamedTuple):
    """The most that one try may use: tokens, read and written, and their price in USD."""

    tokens: int
    usd: float


class Caller:
    """Call one model until a call is answered or given up."""

    def __init__(
        self,
        endpoint: Endpoint,
        params: EngineParams,
        transport: Transport,
        budget: Budget,
        local: LocalServers | None = None,
        acquire_slots: AcquireSlots | None = None,
    ) -> None:
        self.endpoint = endpoint
        self.wire = Wire(endpoint)
        self.retries = Counter[str]()
        """The number of tries that ended by a passing fault, by its reason."""
        self._params = params
        self._transport = transport
        self._budget = budget
        self._local = local
        self._acquire_slots = acquire_slots
        self._rate_limiter: RateLimiter = UNLIMITED
        self._dispatcher = Dispatcher([])
        self._ready: asyncio.Task[None] | None = None
        self._is_proven = False  # a call was answered, so a refusal is of its own call
        self.takes_form = False  # of the requests: there is a reply to one, old or new
        self._refusals = Counter[tuple[str, str]]()
        self._check: asyncio.Task[None] | None = None
        self._stopped: PreflineError | None = None
        self._random = random.Random()

    @property
    def in_flight(self) -> int:
        """Calls under way."""
        return self._dispatcher.in_flight

    def stop(self, error: PreflineError) -> None:
        """Send nothing more: what has not been sent yet ends with `error`."""
        self._stopped = self._stopped or error

    def raise_if_stopped(self) -> None:
        """Raise what it was stopped with, if it was."""
        if self._stopped is not None:
            raise self._stopped

    async def call(self, request: Request) -> Accepted | Failure:
        """Return the model's answer, or why there is none.

        Raises `EndpointError` where no other call to this model would fare better,
        `SpendLimitReached` before a try that could pass the limit, and what it was stopped with.

        Whether calls fail by themselves, or all would, is found out by a plain call of a few
        words, which is no reply to anybody.
        """
        if not self._dispatcher.replicas:
            await self._prepared()
        reserved = self._reservation(request)
        tries, failed, until = 0, 0, 0.0
        failed_at: list[Replica] = []
        while True:
            permit = await self._reserve_and_acquire(reserved, failed_at)
            if self._check is not None and not self._check.done():
                permit = await self._wait_for_check(permit, reserved, failed_at)
            until = until or permit.call.began + self._params.deadline_s
            sent = plain_request(request) if permit.trial else request
            answer = await self._try(permit, sent, reserved)
            if isinstance(answer, Stop):
                self.stop(answer.error)
                raise answer.error
            if isinstance(answer, Retry):
                self.retries[answer.reason] += 1
                tries, failed = tries + 1, failed + (not answer.rate_limited and not permit.trial)
                failed_at.append(permit.replica)
                wait_s = backoff_s(tries, self._params.max_back_off_s, answer.after_s, self._random)
                if failed == self._params.max_tries or _now() + wait_s > until:
                    return self._give_up(request, answer, failed)
                await asyncio.sleep(wait_s)
            elif permit.trial:
                continue  # the server is there: now the call itself
            elif isinstance(answer, Accepted):
                self._is_proven = True
                return answer
            else:
                await self._suspect(request, answer)
                return Failure(request, answer.reason, answer.detail)

    async def _suspect(self, request: Request, refused: Refused) -> None:
        """Find out whether it is not this request that is refused, but all.

        Raises the error of the run if so. As long as no call has been answered, a plain request
        tells: at the first refusal that may be of the key, at the third of one cause otherwise.
        """
        if self._is_proven or (self.takes_form and refused.suspect is None):
            return
        if refused.suspect is None:
            self._refusals[refused.reason, refused.fault.cause] += 1
            if self._refusals[refused.reason, refused.fault.cause] < _REFUSALS_TO_SUSPECT:
                return
        if self._check is None:
            self._check = asyncio.create_task(self._check_plainly(plain_request(request)))
        check = self._check
        await asyncio.shield(check)
        if self._check is check and not self._is_proven:
            self._check = None  # it told nothing

    def _reservation(self, request: Request) -> _Reservation:
        highest = max_usage(request)
        return _Reservation(highest.total, cost_usd(self.endpoint.prices, highest))

    async def _check_plainly(self, request: Request) -> None:
        reserved = self._reservation(request)

        async def ask(wire: Wire) -> Answer:
            permit = await self._reserve_and_acquire(reserved, ())
            return await self._try(permit, request, reserved, wire)

        answer = await ask(self.wire)
        if isinstance(answer, Retry):
            return
        error: PreflineError | None = None
        if isinstance(answer, Stop):
            error = answer.error
        elif isinstance(answer, Refused):
            error = answer.suspect
            if error is None:
                changes, last = await find_changes(ask, self.wire, request, answer)
                error = refused_error(self.endpoint, answer, changes, last)
        if error is not None:
            self.stop(error)
            raise error
        self._is_proven = True

    async def _wait_for_check(
        self, permit: Permit, reserved: _Reservation, failed_at: Sequence[Replica]
    ) -> Permit:
        """Wait until it is known that not all calls are refused, and return another permit."""
        while self._check is not None and not self._check.done():
            # Neither place nor money is held meanwhile: the plain call needs both.
            self._dispatcher.release(permit)
            self._budget.settle(reserved.usd, 0.0)
            self._rate_limiter.correct(reserved.tokens, 0)
            await asyncio.wait([self._check])
            permit = await self._reserve_and_acquire(reserved, failed_at)
        return permit

    async def _reserve_and_acquire(
        self, reserved: _Reservation, failed_at: Sequence[Replica]
    ) -> Permit:
        """Wait until rate limits, budget and servers let one try through."""
        if self._rate_limiter is not UNLIMITED:
            await self._rate_limiter.acquire(reserved.tokens)
        await self._budget.acquire(reserved.usd)
        permit: Permit | None = None
        try:
            permit = await self._dispatcher.acquire(failed_at)
            if permit is None:
                raise down_error(self.endpoint, self._dispatcher.replicas[0].breaker.last_detail)
            self.raise_if_stopped()
        except BaseException:
            if permit is not None:
                self._dispatcher.release(permit)
            self._budget.settle(reserved.usd, 0.0)
            raise
        return permit

    async def _try(
        self, permit: Permit, request: Request, reserved: _Reservation, wire: Wire | None = None
    ) -> Answer:
        answer: Answer | None = None
        try:
            url = permit.replica.url
            response = await self._transport.complete(wire or self.wire, url, request)
            if isinstance(response, Retry):
                answer = response
            else:
                answer = classify(self.endpoint, *response, type(request))
            if isinstance(answer, Retry) and answer.rate_limited:
                said = f"{self.endpoint.base_url} asks to slow down ({answer.reason})"
                warn_once(said, answer.detail)
            return answer
        finally:
            # No answer: the call was cancelled on its way, and may be billed.
            self._settle(reserved, answer)
            if answer is not None:
                permit.record(answer, _now(), request.key)
            self._dispatcher.release(permit)

    def _settle(self, reserved: _Reservation, answer: Answer | None) -> None:
        """Settle money and tokens of one try."""
        used = None if answer is None else answer.usage
        if used is None:
            self._budget.settle_unanswered(reserved.usd)
        elif isinstance(answer, Accepted) and not used.total and reserved.usd:
            # No call costs nothing: who does not say how much must not get past the limit.
            self._budget.settle_unanswered(reserved.usd)
            warn_once(
                f"{self.endpoint.base_url} does not say what a call of {self.endpoint.model} uses: "
                "its calls count at their highest price against the spend limit, and cost 0 in rows"
            )
        else:
            useful = isinstance(answer, Accepted)
            cost = cost_usd(self.endpoint.prices, used)
            self._budget.settle(reserved.usd, cost, useful=useful)
            self._rate_limiter.correct(reserved.tokens, used.total)

    def _give_up(self, request: Request, last: Retry, failed: int) -> Failure:
        all_failing = all(replica.breaker.is_failing for replica in self._dispatcher.replicas)
        if last.reason == "unreachable" and all_failing:
            raise unreachable_error(self.endpoint, last.detail)
        if failed == self._params.max_tries:
            limit = f"{failed} tries"
        else:
            limit = f"not within {self._params.deadline_s:g} s"
        return Failure(request, last.reason, f"{limit}: {last.detail}")

    async def _prepared(self) -> None:
        """Find the model's servers; looked for once, by whoever is first."""
        if self._ready is None:
            self._ready = asyncio.create_task(self._prepare())
        if not self._ready.done() or self._ready.exception():
            await asyncio.shield(self._ready)

    async def _prepare(self) -> None:
        params, endpoint = self._params, self.endpoint
        self._rate_limiter = rate_limiter_for(endpoint.limits, self._acquire_slots)
        urls = endpoint.urls
        if endpoint.is_local:
            assert self._local is not None
            urls = (await asyncio.to_thread(self._local.base_url, endpoint),)
        else:
            await probe_replicas(self._transport, endpoint)
        maximum = max(1, max_calls_in_flight(endpoint, params, self._local) // len(urls))
        self._dispatcher.replicas += [
            Replica(
                url,
                AdaptiveConcurrency(maximum),
                CircuitBreaker(params.max_tries, params.max_back_off_s),
                SharedBackoff(params.max_back_off_s),
                params.deadline_s,
            )
            for url in urls
        ]


def max_calls_in_flight(
    endpoint: Endpoint, params: EngineParams, local: LocalServers | None
) -> int:
    """Return how many calls a model may get at once, over all its replicas; a local one has as
    many slots as that."""
    if endpoint.is_local and local is not None:
        return local.slots
    return endpoint.limits.max_in_flight or params.max_in_flight


_now = time.monotonic
