"""One client's connection: a request at a time, and every way to answer it."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable, Iterable, Iterator
from typing import cast

import httptools

from prefline.simulator.http.assembly import Assembly
from prefline.simulator.http.messages import Request, Response

MAX_BODY = 2**28
# Above this a copy of the body costs more than a second write.
_JOINED = 2**16
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_MALFORMED = Response(400, b"malformed HTTP request", "text/plain")
_TOO_LARGE = Response(413, b"request body too large", "text/plain")

Handler = Callable[[Request, "Connection"], None]


class Connection(asyncio.Protocol):
    """Gives each request to `handle`, the next one once the one before is answered.

    `handle` answers with one of the methods here, at once or later. After the client has
    gone they do nothing. `present` holds the connections that are open.
    """

    def __init__(self, handle: Handler, present: set[Connection]) -> None:
        self._handle = handle
        self._present = present
        self._assembly = Assembly(MAX_BODY, self._go_on)
        self._transport: asyncio.Transport | None = None
        self._current: Request | None = None
        self._serving = False
        self._closing = False
        self._on_lost: Callable[[], None] | None = None
        self._pieces: Iterator[bytes] | None = None
        self._paused = False
        self._held = False

    @property
    def alive(self) -> bool:
        """Whether there is still a client to answer."""
        return self._transport is not None and not self._transport.is_closing()

    @property
    def busy(self) -> bool:
        """Whether a request waits for its answer."""
        return self._current is not None

    def respond(self, response: Response) -> None:
        """Answer the current request in whole."""
        current, self._current = self._current, None
        transport = self._transport
        if transport is None or current is None or transport.is_closing():
            return
        close = self._closing or not current.keep_alive
        head, body = response.head(close=close), response.body
        if len(body) <= _JOINED:
            transport.write(head + body)
        else:
            transport.writelines([head, body])
        if close:
            transport.close()
        elif not self._serving:
            self._serve()

    def cut_off(self, response: Response) -> None:
        """Send the head and half of the body, then close."""
        self._write(response.head() + response.body[: len(response.body) // 2])
        self._close()

    def drop(self, *, reset: bool) -> None:
        """Close without a byte of an answer; `reset` sends RST in place of FIN."""
        transport = self._transport
        if transport is None:
            return
        if reset:
            # Lingering for 0 s makes the kernel send RST.
            linger = struct.pack("ii", 1, 0)
            sock = transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        transport.abort()

    def hang(self, on_lost: Callable[[], None]) -> None:
        """Never answer, unless by another method; `on_lost` is called when the client is gone."""
        if self._transport is None:
            on_lost()
        else:
            self._on_lost = on_lost

    def pour(self, pieces: Iterable[bytes]) -> None:
        """Send `pieces`, an answer from its head on, as fast as the client reads, and close."""
        self._pieces = iter(pieces)
        self._pump()

    def finish(self) -> None:
        """Take no more requests: close now, or after the current answer."""
        self._closing = True
        if not self.busy:
            self._close()

    def abort(self) -> None:
        """Close at once, whatever is under way."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has come."""
        self._transport = cast("asyncio.Transport", transport)
        self._present.add(self)

    def data_received(self, data: bytes) -> None:
        """Bytes have come: serve what they complete."""
        try:
            self._assembly.feed(data)
        except httptools.HttpParserError:
            self._refuse(_MALFORMED)
            return
        if self._assembly.too_large:
            self._refuse(_TOO_LARGE)
        elif self._current is None:
            self._serve()
        elif self._assembly.ready and self._transport is not None:
            # The client sends ahead: its bytes wait in the kernel, not here.
            self._held = True
            self._transport.pause_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has gone, or was sent away."""
        del exc
        self._transport = self._pieces = None
        self._present.discard(self)
        self._assembly.ready.clear()
        on_lost, self._on_lost = self._on_lost, None
        if on_lost is not None:
            on_lost()

    def pause_writing(self) -> None:
        """The client reads more slowly than it is written to."""
        self._paused = True

    def resume_writing(self) -> None:
        """The client has caught up."""
        self._paused = False
        self._pump()

    def _pump(self) -> None:
        while self._pieces is not None and self.alive and not self._paused:
            piece = next(self._pieces, None)
            if piece is None:
                self._close()
                return
            self._write(piece)

    def _serve(self) -> None:
        """The requests that are whole, one after another; a loop, so that none nest."""
        self._serving = True
        ready = self._assembly.ready
        while ready and self._current is None and self.alive:
            self._current = request = ready.popleft()
            self._handle(request, self)
        self._serving = False
        if self._held and not ready and self._transport is not None and self.alive:
            self._held = False
            self._transport.resume_reading()

    def _refuse(self, response: Response) -> None:
        """For what is no request: answer after a fashion and close."""
        if self.alive:
            self._write(response.head(close=True) + response.body)
            self._close()

    def _go_on(self) -> None:
        self._write(_CONTINUE)

    def _write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def _close(self) -> None:
        if self._transport is not None:
            self._transport.close()
