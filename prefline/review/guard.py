"""The guard of the pages: token, host and origin of a request, and a browser's rights on a page.

The page shows texts that nobody has checked, and writes files. So an address without the token is
answered with nothing, a name that is not ours is refused (DNS rebinding), a form that another site
sends is refused (cross-site request forgery), and the policy lets a browser load what this server
has, and nothing else.
"""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from pathlib import Path
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_LARGEST_FORM = 200_000  # bytes
_HEADERS = (
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        b"img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)
_LOCAL = ("localhost", "127.0.0.1", "[::1]")


def kept_token(path: Path) -> str:
    """Return the token of the address, made once and kept for this user alone, so that an open
    tab goes on after a restart."""
    try:
        token = path.read_text("ascii").strip()
        if len(token) >= 32:  # noqa: PLR2004
            return token
    except (FileNotFoundError, UnicodeDecodeError):
        pass
    token = secrets.token_urlsafe(32)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(token, "ascii")
    return token


class Guard:
    """Lets through what carries the token, names this host and comes from its own pages.

    Behind it an address begins with the token as its `root_path`. `hosts` are the names beside
    those of the loopback that this server may be called by; `any_address` lets through numeric
    addresses, which no name of a foreign site can stand for.
    """

    def __init__(
        self, app: App, token: str, *, hosts: Collection[str] = (), any_address: bool = False
    ) -> None:
        self._app = app
        self._token = token
        self._hosts = {*_LOCAL, *hosts}
        self._any_address = any_address

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request of ASGI."""
        if scope["type"] != "http":
            return
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        refusal = self._refusal(scope, headers)
        if refusal is not None:
            await _refuse(send, *refusal)
            return

        async def send_safely(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                own = list(message.get("headers", ()))
                named = {name.lower() for name, _ in own}
                message["headers"] = [*own, *(one for one in _HEADERS if one[0] not in named)]
            await send(message)

        await self._app({**scope, "root_path": f"/{self._token}"}, receive, send_safely)

    def _refusal(self, scope: Scope, headers: dict[bytes, str]) -> tuple[int, str] | None:
        host = headers.get(b"host", "")
        if not self._is_ours(host):
            return 421, "This server does not go by that name."
        _, _, rest = scope["path"].partition("/")
        token, slash, _ = rest.partition("/")
        if not slash or not secrets.compare_digest(token.encode(), self._token.encode()):
            return 403, "Open the address that `prefline review` printed: it holds a token."
        if scope["method"] in ("GET", "HEAD"):
            return None
        if headers.get(b"origin") not in (f"http://{host}", f"https://{host}"):
            return 403, "This form was not sent by a page of this server."
        length = headers.get(b"content-length", "")
        if not length.isdigit() or int(length) > _LARGEST_FORM:
            return 413, "The form is too large."
        return None

    def _is_ours(self, host: str) -> bool:
        name = host if host.endswith("]") else host.rpartition(":")[0] or host
        return name.lower() in self._hosts or (self._any_address and _is_address(name))


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


async def _refuse(send: Send, status: int, text: str) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), *_HEADERS]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": f"{text}\n".encode()})
