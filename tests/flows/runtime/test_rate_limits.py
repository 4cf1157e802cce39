from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import httpx
import pytest
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.runtime.rate_limits import PrefectSlots, prefect_slots
from prefline.config import Endpoint, RateLimits
from prefline.errors import WorkflowError
from prefline.llm.rate_limits import rate_limiter_for

LIMITS = RateLimits(requests_per_minute=600, tokens_per_minute=60_000, shared="tests-two-at-once")
SECONDS = 6.0
ENDPOINT = Endpoint(base_url="http://host/v1", model="m", limits=LIMITS)


async def calls_within(seconds: float, acquire_slots: object) -> int:
    """Count the calls of 50 tokens that the shared rates let through in so many seconds."""
    limiter, until, made = rate_limiter_for(LIMITS, acquire_slots), time.monotonic() + seconds, 0  # type: ignore[arg-type]
    while True:
        left = until - time.monotonic()
        try:
            await asyncio.wait_for(limiter.acquire(50), max(left, 0))
        except TimeoutError:
            return made
        made += 1


def test_two_at_once_share_one_rate_and_ask_the_server_once_per_block(prefect_api: str) -> None:
    with temporary_settings({PREFECT_API_URL: prefect_api}), ExitStack() as stack:
        shared = [stack.enter_context(prefect_slots([ENDPOINT])) for _ in range(2)]
        asked = [0, 0]

        def counted(number: int) -> int:
            acquire_slots = shared[number]
            assert acquire_slots is not None

            def ask(name: str, slots: int) -> float:
                asked[number] += 1
                return acquire_slots(name, slots)

            return asyncio.run(calls_within(SECONDS, ask))

        with ThreadPoolExecutor(2) as threads:
            made = list(threads.map(counted, range(2)))

    # 10 calls a second and a first block of 20, for both together.
    assert 20 < sum(made) <= 20 + SECONDS * 10 + 20
    assert sum(asked) < sum(made)


def test_where_nothing_is_shared_no_server_is_asked() -> None:
    with prefect_slots([Endpoint(base_url="http://host/v1", model="m")]) as acquire_slots:
        assert acquire_slots is None


def test_a_prefect_server_that_has_gone_is_an_error_that_says_so() -> None:
    nowhere = temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"})
    with nowhere, get_client(sync_client=True) as client:
        acquire_slots = PrefectSlots(client)
        client._client._transport = httpx.MockTransport(refuse)

        with pytest.raises(WorkflowError, match="keeps the shared rates"):
            acquire_slots("tests-gone", 1)


def refuse(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused")
