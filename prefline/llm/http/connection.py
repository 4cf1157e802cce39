"""One connection, one exchange at a time; parsing is llhttp's, by httptools."""

from __future__ import annotations

import asyncio
import zlib
from dataclasses import dataclass
from typing import cast

import httptools

from prefline.llm.http.errors import BodyTooLong, ConnectionLost, HttpError

LONGEST_BODY = 32 * 1024 * 1024  # bytes, also after decompression
_FINAL = 200
_WANTED = frozenset(
    {b"retry-after", b"retry-after-ms", b"content-encoding", b"content-length",
     b"transfer-encoding", b"location", b"date"}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """Status, body, and those headers (names in lower case) that the engine looks at."""

    status: int
    headers: dict[str, str]
    body: bytes


class Connection(asyncio.Protocol):
    """Sends a request and reads its answer. `idle` says that another one may be sent."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._answered: asyncio.Future[HttpAnswer] | None = None
        self._headers: dict[str, str] = {}
        self._chunks: list[bytes] = []
        self._length = 0
        self._to_the_end = False  # the body ends where the connection does
        self.idle = False

    def exchange(self, request: bytes) -> asyncio.Future[HttpAnswer]:
        """Send a whole request. The future fails with an `HttpError` of this package."""
        assert self._transport is not None
        self.idle = False
        self._answered = self._loop.create_future()
        self._transport.write(request)
        return self._answered

    def close(self) -> None:
        """Drop the connection; what is under way on it is lost."""
        self.idle = False
        if self._transport is not None:
            self._transport.abort()

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is up."""
        self._transport = cast("asyncio.Transport", transport)
        self.idle = True

    def data_received(self, data: bytes) -> None:
        """Bytes of the answer."""
        if self._answered is None:  # nobody asked: whatever it is, this is out of step
            self.close()
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail(ConnectionLost(f"what came is not HTTP: {error}"))

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone; that ends an answer whose length was not told."""
        self.idle = False
        if self._to_the_end:
            self._complete()
        self._fail(ConnectionLost(str(exc) if exc else "closed before the answer was whole"))

    # What the parser calls.

    def on_message_begin(self) -> None:
        """A status line follows."""
        if self._answered is None:  # behind an answer, in one packet with it: out of step
            self.close()
        self._headers, self._chunks, self._length, self._to_the_end = {}, [], 0, False

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        name = name.lower()
        if name in _WANTED:
            self._headers[name.decode("ascii")] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """The body follows."""
        told = "content-length" in self._headers or "transfer-encoding" in self._headers
        self._to_the_end = not told

    def on_body(self, body: bytes) -> None:
        """Some of the body."""
        self._length += len(body)
        if self._length > LONGEST_BODY:
            self._fail(BodyTooLong(f"the answer is longer than {LONGEST_BODY >> 20} MiB"))
        elif self._answered is not None:
            self._chunks.append(body)

    def on_message_complete(self) -> None:
        """The body is whole."""
        if self._parser.get_status_code() >= _FINAL:
            self._complete()

    def _complete(self) -> None:
        answered, self._answered = self._answered, None
        self._to_the_end = False
        if answered is None or answered.done():
            return
        try:
            body = _decompressed(b"".join(self._chunks), self._headers.get("content-encoding"))
        except (zlib.error, HttpError) as error:
            broken = error if isinstance(error, HttpError) else ConnectionLost(f"body: {error}")
            answered.set_exception(broken)
            self.close()
            return
        answered.set_result(HttpAnswer(self._parser.get_status_code(), self._headers, body))
        self._chunks = []
        if self._parser.should_keep_alive():
            self.idle = True
        else:
            self.close()

    def _fail(self, error: HttpError) -> None:
        answered, self._answered = self._answered, None
        self._chunks = []
        if answered is not None and not answered.done():
            answered.set_exception(error)
        self.close()


def _decompressed(body: bytes, encoding: str | None) -> bytes:
    """A body that a server compressed although it was not asked to."""
    if encoding is None or encoding.lower() == "identity":
        return body
    if encoding.lower() not in ("gzip", "x-gzip", "deflate"):
        raise ConnectionLost(f"the answer has the unknown Content-Encoding {encoding!r}")
    inflater = zlib.decompressobj(wbits=47)  # gzip or zlib, by its header
    content = inflater.decompress(body, LONGEST_BODY)
    if inflater.unconsumed_tail:
        raise BodyTooLong(f"the answer inflates to more than {LONGEST_BODY >> 20} MiB")
    return content
