"""Taking connections, and parting from them."""

from __future__ import annotations

import asyncio
import time

from prefline.simulator.http.connection import Connection, Handler

_BACKLOG = 4096
_LOOK_S = 0.01


class Listener:
    """Listens on one address; `handle` gets every request."""

    def __init__(self, handle: Handler) -> None:
        self._handle = handle
        self._present: set[Connection] = set()
        self._server: asyncio.Server | None = None

    async def open(self, host: str, port: int) -> int:
        """Take connections; the port, chosen by the system where `port` is 0."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._connect, host, port, backlog=_BACKLOG)
        chosen: int = self._server.sockets[0].getsockname()[1]
        return chosen

    async def close(self, grace_s: float) -> None:
        """Take no more connections; requests in flight get `grace_s` to end."""
        if self._server is not None:
            self._server.close()
        deadline = time.monotonic() + grace_s
        for connection in list(self._present):
            connection.finish()
        while self._present and time.monotonic() < deadline:
            await asyncio.sleep(_LOOK_S)
        for connection in list(self._present):
            connection.abort()
        await asyncio.sleep(0)

    def _connect(self) -> Connection:
        return Connection(self._handle, self._present)
