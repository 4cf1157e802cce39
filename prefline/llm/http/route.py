"""How a server is reached: directly, over TLS, or through a proxy."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from urllib.parse import SplitResult, unquote, urlsplit

from prefline.config.environment import proxy_from_environment
from prefline.llm.http.errors import CannotConnect

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy; `authorization` is the whole header line, or empty."""

    host: str
    port: int
    authorization: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Route:
    """The way to an origin. `target` is what the request line begins its path with."""

    host: str
    port: int
    tls: bool
    proxy: Proxy | None

    @property
    def authority(self) -> str:
        """`host:port` as the Host header has it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = self.port == _PORTS["https" if self.tls else "http"]
        return host if usual else f"{host}:{self.port}"

    @property
    def tunnels(self) -> bool:
        """Whether the proxy must open a tunnel, since it may not read what is sent."""
        return self.proxy is not None and self.tls


def route_to(url: str) -> Route:
    """The route to a URL, past or through the proxy that the environment names.

    Raises `CannotConnect` for a URL or a proxy that cannot be used.
    """
    parts = _split(url)
    named = proxy_from_environment(url)
    proxy = None if named is None else _proxy(named)
    assert parts.hostname is not None
    port = parts.port or _PORTS[parts.scheme]
    return Route(parts.hostname, port, parts.scheme == "https", proxy)


def request_head(route: Route, url: str, method: str, headers: dict[str, str]) -> bytes:
    """Everything of a request before `Content-Length`'s value."""
    parts = urlsplit(url)
    path = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
    forwarded = route.proxy is not None and not route.tls
    target = f"http://{route.authority}{path}" if forwarded else path
    lines = [f"{method} {target} HTTP/1.1", f"Host: {route.authority}"]
    if forwarded and route.proxy is not None and route.proxy.authorization:
        lines.append(route.proxy.authorization)
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\nContent-Length: ").encode("latin-1")


def _proxy(url: str) -> Proxy:
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
    if parts.scheme not in _PORTS or not parts.hostname:
        raise CannotConnect(f"{url} is not a URL of a server")
    return parts
