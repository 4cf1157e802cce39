"""How an answer, an error or a fault goes over the wire."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any

import orjson
from aiohttp import web

from prefline.simulate.config import SimulatorConfig
from prefline.simulate.faults import STATUS_FAULTS
from prefline.simulate.limits import retry_headers
from prefline.simulate.wire import Refusal

_HTML = (
    b"<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head>"
    b"<body><h1>502 Bad Gateway</h1></body></html>"
)
_CHUNK = b"x" * 2**16
_SHED = {"429", "503", "529"}


def json_response(data: Any) -> web.Response:
    """Status 200 and `data` as JSON."""
    return web.Response(body=orjson.dumps(data), headers={"Content-Type": "application/json"})


def refuse(refusal: Refusal) -> web.Response:
    """An error in OpenAI's shape."""
    headers = {"Content-Type": "application/json", **refusal.headers}
    return web.Response(status=refusal.status, body=refusal.body(), headers=headers)


def status_fault(name: str, config: SimulatorConfig) -> web.Response:
    """A planted error status, in OpenAI's shape; 429, 503 and 529 may say when to return."""
    kind = "server_error" if name >= "500" else "invalid_request_error"
    code = "rate_limit_exceeded" if name == "429" else None
    wait = config.fault_retry_after_s
    told = name in _SHED and wait is not None
    headers = retry_headers(wait, config.retry_after) if told and wait is not None else {}
    message = f"Simulated fault: {STATUS_FAULTS[name]}."
    return refuse(Refusal(int(name), message, kind, code, None, headers))


def body_fault(name: str, reply: dict[str, Any]) -> web.Response:
    """Status 200 with something else than the whole reply in it."""
    if name == "html200":
        return web.Response(body=_HTML, headers={"Content-Type": "text/html"})
    if name == "invalid_json":
        return web.Response(body=b"upstream connect error", content_type="text/plain")
    if name == "truncated_json":
        whole = orjson.dumps(reply)
        half = whole[: len(whole) // 2]
        return web.Response(body=half, headers={"Content-Type": "application/json"})
    return json_response(spoiled(name, reply))


def spoiled(name: str, reply: dict[str, Any]) -> dict[str, Any]:
    """The reply with a fault in its choices."""
    if name == "empty_choices":
        return {**reply, "choices": []}
    return {**reply, "choices": [_spoil(name, choice) for choice in reply["choices"]]}


def _spoil(name: str, choice: dict[str, Any]) -> dict[str, Any]:
    message = choice["message"]
    if name in ("null_content", "refusal"):
        refusal = "I'm sorry, I can't help with that." if name == "refusal" else None
        return {**choice, "message": {**message, "content": None, "refusal": refusal}}
    half = message["content"][: len(message["content"]) // 2]
    return {**choice, "message": {**message, "content": half}, "finish_reason": name}


async def wire_fault(
    name: str, request: web.BaseRequest, reply: dict[str, Any], config: SimulatorConfig
) -> web.StreamResponse:
    """A fault of the connection itself."""
    if name == "hang":
        return await _hang(request)
    if name == "huge_body":
        return await _huge_body(request, config.huge_body_bytes)
    if name == "cut_off":
        return await _cut_off(request, orjson.dumps(reply))
    return _drop(request, reset=name == "reset")


async def _hang(request: web.BaseRequest) -> web.Response:
    """Answer nothing until the client has gone or the server ends."""
    while request.transport is not None:
        await asyncio.sleep(0.1)
    return web.Response()


async def _huge_body(request: web.BaseRequest, size: int) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    await response.write(b'{"id": "')
    for _ in range(-(-size // len(_CHUNK))):
        await response.write(_CHUNK)
    await response.write(b'"}')
    await response.write_eof()
    return response


async def _cut_off(request: web.BaseRequest, body: bytes) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    response.content_length = len(body)
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.close()
    return response


def _drop(request: web.BaseRequest, *, reset: bool) -> web.Response:
    transport = request.transport
    if transport is not None and reset:
        # Lingering for 0 s makes the kernel send RST instead of FIN.
        linger = struct.pack("ii", 1, 0)
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    if transport is not None:
        transport.abort()
    return web.Response()
