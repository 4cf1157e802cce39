"""Keep-alive connections to a few servers, and exchanges over them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from prefline.llm.http.connect import connect
from prefline.llm.http.connection import Connection, HttpAnswer
from prefline.llm.http.errors import CannotConnect
from prefline.llm.http.route import Route, request_head, route_to

_CONNECT_S = 20.0


class Call:
    """A method, a URL and headers, made into bytes once for the many bodies sent with them."""

    __slots__ = ("_head", "route")

    def __init__(self, method: str, url: str, headers: Mapping[str, str]) -> None:
        self.route = route_to(url)
        self._head = request_head(self.route, url, method, dict(headers))

    def request(self, body: bytes) -> bytes:
        """The whole request."""
        return b"%b%d\r\n\r\n%b" % (self._head, len(body), body)


class HttpClient:
    """Sends calls, each on a connection that no other call uses meanwhile.

    Connections are kept and the latest used is used next, so that idle ones age and are
    closed by their servers. `timeout_s` bounds a whole exchange, connecting included.
    """

    def __init__(self, timeout_s: float) -> None:
        self.timeout_s = timeout_s
        self._kept: dict[Route, list[Connection]] = {}

    async def send(self, call: Call, body: bytes = b"") -> HttpAnswer:
        """The answer to one call.

        Raises an `HttpError`, or `TimeoutError` after `timeout_s`.
        """
        connection = self._take(call.route)
        started = asyncio.get_running_loop().time()
        if connection is None:
            connection = await self._connect(call.route)
        left = self.timeout_s - (asyncio.get_running_loop().time() - started)
        answered = connection.exchange(call.request(body))
        late = asyncio.get_running_loop().call_later(left, _give_up, answered)
        try:
            return await answered
        finally:
            late.cancel()
            if connection.idle:
                self._kept.setdefault(call.route, []).append(connection)
            else:
                connection.close()

    def close(self) -> None:
        """Close every connection that is kept."""
        for connections in self._kept.values():
            for connection in connections:
                connection.close()
        self._kept.clear()

    def _take(self, route: Route) -> Connection | None:
        kept = self._kept.get(route, [])
        while kept:
            connection = kept.pop()
            if connection.idle:
                return connection
        return None

    async def _connect(self, route: Route) -> Connection:
        longest = min(_CONNECT_S, self.timeout_s)
        try:
            async with asyncio.timeout(longest):
                return await connect(route)
        except TimeoutError as error:
            raise CannotConnect(f"no connection within {longest:g} s") from error


def _give_up(answered: asyncio.Future[HttpAnswer]) -> None:
    if not answered.done():
        answered.set_exception(TimeoutError())
