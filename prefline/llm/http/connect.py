"""Opening a connection along a route."""

from __future__ import annotations

import asyncio
import ssl
from functools import cache
from typing import cast

import certifi

from prefline.llm.http.connection import Connection
from prefline.llm.http.errors import CannotConnect
from prefline.llm.http.route import Route

_LONGEST_HEAD = 65_536  # bytes of a proxy's answer


async def connect(route: Route) -> Connection:
    """A connection on which requests can be sent.

    Raises `CannotConnect` with the cause. Cancelling closes what was opened.
    """
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
    """Trusts the system's authorities, or those that SSL_CERT_FILE and SSL_CERT_DIR name."""
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
    """Asks a proxy for a tunnel (RFC 9110, 9.3.6) and reads its answer's head."""

    def __init__(self) -> None:
        self._head = b""
        self._opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._transport: asyncio.Transport | None = None

    async def open(self, route: Route) -> None:
        """Raises `CannotConnect` if the proxy does not open the tunnel."""
        assert self._transport is not None
        assert route.proxy is not None
        host = f"[{route.host}]" if ":" in route.host else route.host
        where = f"{host}:{route.port}"
        lines = [f"CONNECT {where} HTTP/1.1", f"Host: {where}", route.proxy.authorization]
        head = "\r\n".join(line for line in lines if line) + "\r\n\r\n"
        self._transport.write(head.encode("latin-1"))
        await self._opened

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The proxy takes the connection."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """The proxy answers."""
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
        """The proxy is gone."""
        if not self._opened.done():
            self._opened.set_exception(CannotConnect(f"the proxy closed the connection: {exc}"))
