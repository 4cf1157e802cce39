"""Loops that do nothing but call: no limits, no retries, no store, nothing kept.

Each takes the bodies of `material.py`, encodes them with orjson, and decodes every reply.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine

import orjson

from benchmarks.engine.material import MODEL, body, requests
from prefline.config import Endpoint

Call = Callable[[int], Awaitable[bytes]]
_TIMEOUT_S = 120.0


def aiohttp_loop(base_url: str, calls: int, in_flight: int) -> int:
    """aiohttp on asyncio's own loop; returns how many calls were answered."""
    return asyncio.run(_over_aiohttp(base_url, calls, in_flight))


def aiohttp_on_uvloop(base_url: str, calls: int, in_flight: int) -> int:
    """aiohttp on uvloop, the loop that the engine runs on."""
    return _on_uvloop(_over_aiohttp(base_url, calls, in_flight))


def transport_loop(base_url: str, calls: int, in_flight: int) -> int:
    """The engine's transport by itself, on uvloop."""
    return _on_uvloop(_over_transport(base_url, calls, in_flight))


async def _over_aiohttp(base_url: str, calls: int, in_flight: int) -> int:
    from aiohttp import ClientSession, TCPConnector

    url, headers = f"{base_url}/chat/completions", {"Content-Type": "application/json"}
    async with ClientSession(connector=TCPConnector(limit=in_flight)) as session:

        async def call(number: int) -> bytes:
            data = orjson.dumps(body(number))
            async with session.post(url, data=data, headers=headers) as answer:
                return await answer.read()

        return await _answered(call, calls, in_flight)


async def _over_transport(base_url: str, calls: int, in_flight: int) -> int:
    from prefline.llm.parsing import Retry
    from prefline.llm.transport import Transport
    from prefline.llm.wire import Wire

    transport, made = Transport(_TIMEOUT_S), requests(calls)
    wire = Wire(Endpoint(base_url=base_url, model=MODEL))

    async def call(_: int) -> bytes:
        answer = await transport.complete(wire, base_url, next(made))
        return b"{}" if isinstance(answer, Retry) else answer.body

    try:
        return await _answered(call, calls, in_flight)
    finally:
        transport.close()


async def _answered(call: Call, calls: int, in_flight: int) -> int:
    numbers, answered = iter(range(calls)), 0

    async def work() -> None:
        nonlocal answered
        for number in numbers:
            content = orjson.loads(await call(number))
            answered += content["choices"][0]["message"]["content"] is not None

    await asyncio.gather(*(work() for _ in range(in_flight)))
    return answered


def _on_uvloop(work: Coroutine[None, None, int]) -> int:
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)
