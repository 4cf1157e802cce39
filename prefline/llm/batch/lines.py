"""What goes into a batch's file and what comes out of it: pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import orjson

from prefline.config import BatchLimits
from prefline.llm.request import Request

URL = "/v1/chat/completions"
_OK = 200
_EXPIRED = "batch_expired"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a batch's output: the request's key, and the HTTP answer; status 0 where
    the request was never made, and then `body` says why."""

    key: str
    status: int
    body: bytes


def input_line(request: Request) -> bytes:
    """The line of a batch's file that asks for a reply; its `custom_id` is the request's key."""
    head = {"custom_id": request.key, "method": "POST", "url": URL}
    return b'%b,"body":%b}\n' % (orjson.dumps(head)[:-1], request.encoded)


def parts(requests: Iterable[Request], limits: BatchLimits) -> Iterator[list[Request]]:
    """Requests in parts that a provider takes as one batch each, in their order."""
    part: list[Request] = []
    size = 0
    for request in requests:
        length = len(input_line(request))
        if part and (len(part) == limits.max_requests or size + length > limits.max_bytes):
            yield part
            part, size = [], 0
        part.append(request)
        size += length
    if part:
        yield part


def bodies(lines: Iterable[bytes]) -> dict[str, bytes]:
    """The request bodies of a batch's file, byte for byte as they would be sent, by key."""
    found = {}
    for line in lines:
        content = orjson.loads(line)
        found[content["custom_id"]] = orjson.dumps(content["body"])
    return found


def read_line(line: str | bytes) -> Line | None:
    """A line of a batch's output or error file; None where it names no request."""
    try:
        content = orjson.loads(line)
        key = str(content["custom_id"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None
    response, error = content.get("response"), content.get("error")
    if not isinstance(response, dict) or response.get("body") is None:
        return Line(key, 0, orjson.dumps(error or response or {"code": _EXPIRED}))
    status = response.get("status_code") or _OK
    # A status that is no number says nothing good, and must not keep the other lines from us.
    return Line(key, status if isinstance(status, int) else 0, orjson.dumps(response["body"]))
