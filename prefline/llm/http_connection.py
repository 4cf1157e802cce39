"""One HTTP/1.1 connection with one exchange at a time; the parser is llhttp, by httptools.

The errors never leave the engine: `transport.py` turns them into answers.
"""

from __future__ import annotations

import asyncio
import re
import zlib
from typing import NamedTuple, cast

import httptools

LONGEST_BODY = 32 * 2**20  # bytes, also after decompression
_OK = _FIRST_FINAL_STATUS = 200
_KEPT_HEADERS = frozenset(
    {b"retry-after", b"retry-after-ms", b"content-encoding", b"content-length",
     b"transfer-encoding", b"location", b"date"}
)  # fmt: skip


# The head of an answer of a told length, without a header that says more than that of its body.
_VALUE = rb"[\t\x20-\x7e\x80-\xff]*"
_OTHERS = (
    rb"(?:\r\n(?!content-length|content-encoding|transfer-encoding|connection|upgrade|retry-after"
    rb"|location)[a-z0-9-]+:" + _VALUE + rb")*"
)
_PLAIN_HEAD = re.compile(
    rb"HTTP/1\.1 200 " + _VALUE + _OTHERS
    + rb"\r\ncontent-length:[ \t]*([0-9]{1,18})[ \t]*" + _OTHERS, re.IGNORECASE
)  # fmt: skip


class HttpError(Exception):
    """Root of the failures of one exchange."""


class CannotConnect(HttpError):
    """Refused, unresolved, unroutable, a certificate that is not trusted, or a proxy's refusal."""


class ConnectionLost(HttpError):
    """The connection broke, or what came over it is not HTTP."""


class BodyTooLong(HttpError):
    """An answer is longer than any reply can be; it is not read to its end."""


class HttpResponse(NamedTuple):
    """Status, body, and those headers (names in lower case) that the engine looks at."""

    status: int
    headers: dict[str, str]
    body: bytes


class Connection(asyncio.Protocol):
    """Send a request and read its response. `idle` says that another one may be sent."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._response: asyncio.Future[HttpResponse] | None = None
        self._headers: dict[str, str] = {}
        self._chunks: list[bytes] = []
        self._length = 0
        self._ends_with_connection = False  # no length was told
        self._is_parsing = False  # some of the response has gone to the parser
        self.idle = False

    def exchange(self, request: bytes) -> asyncio.Future[HttpResponse]:
        """Send a whole request. The future fails with an `HttpError`."""
        assert self._transport is not None
        self.idle = False
        self._response = self._loop.create_future()
        self._transport.write(request)
        return self._response

    def close(self) -> None:
        """Drop the connection; what is under way on it is lost."""
        self.idle = False
        if self._transport is not None:
            self._transport.abort()

    # Callbacks of asyncio.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        self._transport = cast("asyncio.Transport", transport)
        self.idle = True

    def data_received(self, data: bytes) -> None:
        """Parse bytes of the response."""
        if self._response is None:  # nobody asked: whatever it is, this is out of step
            self.close()
            return
        if not self._is_parsing and (body := _plain_body(data)) is not None:
            response, self._response = self._response, None
            self.idle = True
            if not response.done():
                response.set_result(HttpResponse(_OK, {}, body))
            return
        self._is_parsing = True
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail(ConnectionLost(f"what came is not HTTP: {error}"))

    def connection_lost(self, exc: Exception | None) -> None:
        """End the response, whole if its length was not told."""
        self.idle = False
        if self._ends_with_connection:
            self._complete()
        self._fail(ConnectionLost(str(exc) if exc else "closed before the answer was whole"))

    # Callbacks of the parser.

    def on_message_begin(self) -> None:
        """Start a response."""
        if self._response is None:  # behind a response, in one packet with it: out of step
            self.close()
        self._headers, self._chunks, self._length = {}, [], 0
        self._ends_with_connection = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take one header."""
        name = name.lower()
        if name in _KEPT_HEADERS:
            self._headers[name.decode("ascii")] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """See whether the length of the body is told."""
        told = "content-length" in self._headers or "transfer-encoding" in self._headers
        self._ends_with_connection = not told

    def on_body(self, body: bytes) -> None:
        """Take some of the body."""
        self._length += len(body)
        if self._length > LONGEST_BODY:
            self._fail(BodyTooLong(f"the answer is longer than {LONGEST_BODY >> 20} MiB"))
        elif self._response is not None:
            self._chunks.append(body)

    def on_message_complete(self) -> None:
        """End a response, unless it is an interim one."""
        if self._parser.get_status_code() >= _FIRST_FINAL_STATUS:
            self._complete()

    def _complete(self) -> None:
        response, self._response = self._response, None
        self._ends_with_connection = self._is_parsing = False
        if response is None or response.done():
            return
        try:
            body = _decompress(b"".join(self._chunks), self._headers.get("content-encoding"))
        except (zlib.error, HttpError) as error:
            wrapped = error if isinstance(error, HttpError) else ConnectionLost(f"body: {error}")
            response.set_exception(wrapped)
            self.close()
            return
        response.set_result(HttpResponse(self._parser.get_status_code(), self._headers, body))
        self._chunks = []
        if self._parser.should_keep_alive():
            self.idle = True
        else:
            self.close()

    def _fail(self, error: HttpError) -> None:
        response, self._response = self._response, None
        self._chunks = []
        if response is not None and not response.done():
            response.set_exception(error)
        self.close()


def _plain_body(data: bytes) -> bytes | None:
    """Return the body of an answer that has come whole, with status 200, a length and nothing else
    to be looked at; None for any other, which the parser reads.

    The parser calls Python for each header.
    """
    head, end, body = data.partition(b"\r\n\r\n")
    told = _PLAIN_HEAD.fullmatch(head) if end else None
    return body if told is not None and int(told[1]) == len(body) else None


def _decompress(body: bytes, encoding: str | None) -> bytes:
    """Decompress a body that a server compressed although it was not asked to."""
    if encoding is None or encoding.lower() == "identity":
        return body
    if encoding.lower() not in ("gzip", "x-gzip", "deflate"):
        raise ConnectionLost(f"the answer has the unknown Content-Encoding {encoding!r}")
    inflater = zlib.decompressobj(wbits=47)  # gzip or zlib, by its header
    content = inflater.decompress(body, LONGEST_BODY)
    if inflater.unconsumed_tail:
        raise BodyTooLong(f"the answer inflates to more than {LONGEST_BODY >> 20} MiB")
    return content
