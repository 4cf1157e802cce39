"""A lean HTTP/1.1 client for one hot path: small JSON bodies to few servers, thousands a second.

Bytes in, bytes out: nothing is retried or decided here. It is the project's own because aiohttp
takes three times the CPU time for a call: see `docs/performance.md`.
"""

from __future__ import annotations

import asyncio
import base64
import math
import resource
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import cast
from urllib.parse import SplitResult, unquote, urlsplit

import certifi

from prefline.config.environment import proxy_from_environment
from prefline.errors import ParamsError
from prefline.llm.http_connection import CannotConnect, Connection, HttpResponse

_CONNECT_S = 20.0
_DEFAULT_PORTS = {"http": 80, "https": 443}
_LONGEST_HEAD = 65_536  # bytes of a proxy's answer
_OTHER_FILES = 256  # the reply store, tables, libraries


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy; `authorization` is the whole header line, or empty."""

    host: str
    port: int
    authorization: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Route:
    """A route to a server: directly, over TLS, or through a proxy."""

    host: str
    port: int
    tls: bool
    proxy: Proxy | None

    @property
    def authority(self) -> str:
        """`host:port` as the Host header has it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        default = self.port == _DEFAULT_PORTS["https" if self.tls else "http"]
        return host if default else f"{host}:{self.port}"

    @property
    def tunnels(self) -> bool:
        """True if the proxy must open a tunnel, since it may not read what is sent."""
        return self.proxy is not None and self.tls


class PreparedCall:
    """A method, a URL and headers, encoded once for the many bodies sent with them.

    Raises `CannotConnect` for a URL or a proxy that cannot be used.
    """

    __slots__ = ("_head", "route")

    def __init__(self, method: str, url: str, headers: Mapping[str, str]) -> None:
        self.route = _route_to(url)
        self._head = _request_head(self.route, url, method, headers)

    def request(self, body: bytes) -> bytes:
        """Return the whole request."""
        return b"%b%d\r\n\r\n%b" % (self._head, len(body), body)


class HttpClient:
    """Send calls, each on a connection that no other call uses meanwhile.

    Connections are kept and the latest used is used next, so that idle ones age and are
    closed by their servers. `timeout_s` bounds a whole exchange, connecting included.
    """

    def __init__(self, timeout_s: float) -> None:
        self.timeout_s = timeout_s
        self._kept: dict[Route, list[Connection]] = {}
        # All have the same time, so that the first to be sent is the first to be late: one timer,
        # for that one, does for all.
        self._waiting: dict[asyncio.Future[HttpResponse], float] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = math.inf

    async def send(self, call: PreparedCall, body: bytes = b"") -> HttpResponse:
        """Return the response to one call.

        Raises an `HttpError`, or `TimeoutError` after `timeout_s`.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + self.timeout_s
        connection = self._take(call.route) or await self._connect(call.route)
        response = connection.exchange(call.request(body))
        self._watch(response, until, loop)
        try:
            return await response
        finally:
            del self._waiting[response]
            if connection.idle:
                self._kept.setdefault(call.route, []).append(connection)
            else:
                connection.close()

    def close(self) -> None:
        """Close every connection that is kept."""
        if self._timer is not None:
            self._timer.cancel()
        for connections in self._kept.values():
            for connection in connections:
                connection.close()
        self._kept.clear()

    def _watch(
        self, response: asyncio.Future[HttpResponse], until: float, loop: asyncio.AbstractEventLoop
    ) -> None:
        """Let a response fail if it is not there by `until`, on the clock of the loop."""
        self._waiting[response] = until
        if until < self._timer_at:
            if self._timer is not None:
                self._timer.cancel()
            self._timer_at = until
            self._timer = loop.call_at(until, self._time_out, loop)

    def _time_out(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for response, until in self._waiting.items():
            if until <= now and not response.done():
                response.set_exception(TimeoutError())
        left = [until for response, until in self._waiting.items() if not response.done()]
        self._timer, self._timer_at = None, min(left, default=math.inf)
        if left:
            self._timer = loop.call_at(self._timer_at, self._time_out, loop)

    def _take(self, route: Route) -> Connection | None:
        kept = self._kept.get(route, [])
        while kept:
            connection = kept.pop()
            if connection.idle:
                return connection
        return None

    async def _connect(self, route: Route) -> Connection:
        longest_s = min(_CONNECT_S, self.timeout_s)
        try:
            async with asyncio.timeout(longest_s):
                return await _connect(route)
        except TimeoutError as error:
            raise CannotConnect(f"no connection within {longest_s:g} s") from error


def _route_to(url: str) -> Route:
    """Return the route to a URL, past or through the proxy that the environment names."""
    parts = _split(url)
    proxy_url = proxy_from_environment(url)
    proxy = None if proxy_url is None else _parse_proxy(proxy_url)
    assert parts.hostname is not None
    port = parts.port or _DEFAULT_PORTS[parts.scheme]
    return Route(parts.hostname, port, parts.scheme == "https", proxy)


def _request_head(route: Route, url: str, method: str, headers: Mapping[str, str]) -> bytes:
    """Return everything of a request before the value of `Content-Length`."""
    parts = urlsplit(url)
    path = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
    forwarded = route.proxy is not None and not route.tls
    target = f"http://{route.authority}{path}" if forwarded else path
    lines = [f"{method} {target} HTTP/1.1", f"Host: {route.authority}"]
    if forwarded and route.proxy is not None and route.proxy.authorization:
        lines.append(route.proxy.authorization)
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\nContent-Length: ").encode("latin-1")


def _parse_proxy(url: str) -> Proxy:
    parts = urlsplit(url if "://" in url else f"http://{url}")
    if parts.scheme != "http" or parts.hostname is None:
        raise CannotConnect(
            f"the proxy {parts.hostname or url!r} is not an http:// one; only those can be used"
        )
    authorization = ""
    if parts.username is not None:
        user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        token = base64.b64encode(user.encode()).decode("ascii")
        authorization = f"Proxy-Authorization: Basic {token}"
    return Proxy(parts.hostname, parts.port or 80, authorization)


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises where the port is not a number
    except ValueError as error:
        raise CannotConnect(f"{url} is not a URL: {error}") from error
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        raise CannotConnect(f"{url} is not a URL of a server")
    return parts


async def _connect(route: Route) -> Connection:
    """Open a connection. Raises `CannotConnect` with the cause; cancelling closes what was
    opened."""
    try:
        if route.tunnels:
            return await _connect_through_tunnel(route)
        if route.proxy is not None:
            host, port, tls = route.proxy.host, route.proxy.port, None
        else:
            host, port, tls = route.host, route.port, tls_context() if route.tls else None
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(Connection, host, port, ssl=tls)
    except ssl.SSLCertVerificationError as error:
        raise CannotConnect(
            f"the certificate of {route.host} is not trusted ({error.verify_message}); "
            "SSL_CERT_FILE may name a file with the certificate of its authority"
        ) from error
    except OSError as error:
        raise CannotConnect(str(error)) from error
    return connection


@cache
def tls_context() -> ssl.SSLContext:
    """Trust the system's authorities, or those that SSL_CERT_FILE and SSL_CERT_DIR name."""
    context = ssl.create_default_context()
    if not context.cert_store_stats()["x509_ca"] and not context.get_ca_certs():
        context.load_verify_locations(certifi.where())  # a Python without a store of its own
    context.set_alpn_protocols(["http/1.1"])
    return context


async def _connect_through_tunnel(route: Route) -> Connection:
    assert route.proxy is not None
    loop = asyncio.get_running_loop()
    transport, tunnel = await loop.create_connection(_Tunnel, route.proxy.host, route.proxy.port)
    try:
        await tunnel.open(route)
        connection = Connection()
        secured = await loop.start_tls(
            transport, connection, tls_context(), server_hostname=route.host
        )
    except BaseException:
        transport.abort()
        raise
    assert secured is not None
    connection.connection_made(secured)
    return connection


class _Tunnel(asyncio.Protocol):
    """Ask a proxy for a tunnel (RFC 9110, 9.3.6) and read the head of its answer."""

    def __init__(self) -> None:
        self._head = b""
        self._opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._transport: asyncio.Transport | None = None

    async def open(self, route: Route) -> None:
        """Raise `CannotConnect` if the proxy does not open the tunnel."""
        assert self._transport is not None
        assert route.proxy is not None
        host = f"[{route.host}]" if ":" in route.host else route.host
        authority = f"{host}:{route.port}"
        lines = [
            f"CONNECT {authority} HTTP/1.1", f"Host: {authority}", route.proxy.authorization,
        ]  # fmt: skip
        head = "\r\n".join(line for line in lines if line) + "\r\n\r\n"
        self._transport.write(head.encode("latin-1"))
        await self._opened

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport to the proxy."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Read the proxy's answer."""
        self._head += data
        if b"\r\n\r\n" not in self._head and len(self._head) < _LONGEST_HEAD:
            return
        status = self._head.split(b"\r\n", 1)[0].decode("latin-1")
        if not self._opened.done():
            if status.split(" ")[1:2] == ["200"]:
                self._opened.set_result(None)
            else:
                self._opened.set_exception(CannotConnect(f"the proxy says: {status}"))

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail if the proxy has not answered."""
        if not self._opened.done():
            self._opened.set_exception(CannotConnect(f"the proxy closed the connection: {exc}"))


def allow_connections(count: int) -> None:
    """Raise this process's limit of open files (usually 1,024) so that `count` connections fit.

    Raises `ParamsError` if the system does not let it.
    """
    needed = count + _OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise ParamsError(
            f"{count:,} calls at once need {needed:,} open files, and the system allows {hard:,}",
            "lower engine.max_in_flight (or an endpoint's limits.max_in_flight) in params.yaml, or "
            "raise the limit (`ulimit -Hn`, or LimitNOFILE of a systemd unit)",
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
