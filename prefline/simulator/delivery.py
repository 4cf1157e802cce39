"""How an answer, an error or a fault goes over the wire."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import orjson

from prefline.simulator.config import SimulatorConfig
from prefline.simulator.faults import STATUS_FAULTS
from prefline.simulator.http import Connection, Response
from prefline.simulator.limits import retry_headers
from prefline.simulator.wire import Refusal

_HTML = (
    b"<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head>"
    b"<body><h1>502 Bad Gateway</h1></body></html>"
)
_CHUNK = b"x" * 2**16
_SHED = {"429", "503", "529"}


def json_response(data: Any) -> Response:
    """Status 200 and `data` as JSON."""
    return Response(200, orjson.dumps(data))


def refuse(refusal: Refusal) -> Response:
    """An error in OpenAI's shape."""
    return Response(refusal.status, refusal.body(), headers=refusal.headers)


def status_fault(name: str, config: SimulatorConfig) -> Response:
    """A planted error status, in OpenAI's shape; 429, 503 and 529 may say when to return."""
    kind = "server_error" if name >= "500" else "invalid_request_error"
    code = "rate_limit_exceeded" if name == "429" else None
    wait = config.fault_retry_after_s
    told = name in _SHED and wait is not None
    headers = retry_headers(wait, config.retry_after) if told and wait is not None else {}
    message = f"Simulated fault: {STATUS_FAULTS[name]}."
    return refuse(Refusal(int(name), message, kind, code, None, headers))


def body_fault(name: str, reply: dict[str, Any]) -> Response:
    """Status 200 with something else than the whole reply in it."""
    if name == "html200":
        return Response(200, _HTML, "text/html")
    if name == "invalid_json":
        return Response(200, b"upstream connect error", "text/plain")
    if name == "truncated_json":
        whole = orjson.dumps(reply)
        half = whole[: len(whole) // 2]
        return Response(200, half)
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


def wire_fault(
    name: str, connection: Connection, reply: bytes, huge: int, on_lost: Callable[[], None]
) -> None:
    """A fault of the connection itself; `on_lost` is called once it has ended."""
    connection.hang(on_lost)
    if name == "huge_body":
        connection.pour(_huge_body(huge))
    elif name == "cut_off":
        connection.cut_off(Response(200, reply))
    elif name != "hang":
        connection.drop(reset=name == "reset")


def _huge_body(size: int) -> Iterator[bytes]:
    """A chunked response of at least `size` bytes, JSON if one reads to its end."""
    yield b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    yield _in_chunk(b'{"id": "')
    chunk = _in_chunk(_CHUNK)
    for _ in range(-(-size // len(_CHUNK))):
        yield chunk
    yield _in_chunk(b'"}') + b"0\r\n\r\n"


def _in_chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)
