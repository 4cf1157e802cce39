"""From bytes to requests: what the C parser calls back."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import httptools

from prefline.simulator.http.messages import Request

_CONTINUE_LENGTH = len(b"expect")


class Assembly:
    """Puts the parser's pieces together; whole requests wait in `ready`.

    `on_expect` is called when a client waits for `100 Continue` before it sends the body.
    A body above `most` bytes is not kept: `too_large` is set, and the rest is passed over.
    """

    def __init__(self, most: int, on_expect: Callable[[], None]) -> None:
        self.ready: deque[Request] = deque()
        self.too_large = False
        self._most = most
        self._on_expect = on_expect
        self._parser = httptools.HttpRequestParser(self)
        self._target = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._parts: list[bytes] = []
        self._size = 0
        self._expects = False

    def feed(self, data: bytes) -> None:
        """Take bytes in; raises `httptools.HttpParserError` where they are not HTTP."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # No other protocol is spoken here; what follows the request would be one.
            if self.ready:
                self.ready[-1].keep_alive = False

    def on_message_begin(self) -> None:
        """Forget the request before."""
        self._target, self._headers, self._parts, self._size = b"", [], [], 0

    def on_url(self, url: bytes) -> None:
        """A piece of the target."""
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header, whole."""
        self._headers.append((name, value))
        if len(name) == _CONTINUE_LENGTH and name.lower() == b"expect":
            self._expects = value.lower() == b"100-continue"

    def on_headers_complete(self) -> None:
        """Tell a client that waits to go on."""
        if self._expects:
            self._expects = False
            self._on_expect()

    def on_body(self, body: bytes) -> None:
        """A piece of the body, chunked or not."""
        self._size += len(body)
        if self._size > self._most:
            self.too_large = True
            self._parts = []
        else:
            self._parts.append(body)

    def on_message_complete(self) -> None:
        """The request is whole."""
        parts, self._parts = self._parts, []
        body = parts[0] if len(parts) == 1 else b"".join(parts)
        method, keep = self._parser.get_method(), self._parser.should_keep_alive()
        self.ready.append(Request(method, self._target, self._headers, body, keep))
