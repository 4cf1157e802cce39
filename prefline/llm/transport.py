"""One HTTP call to one endpoint, with nothing decided: bytes out, bytes in, no secret in sight."""

from __future__ import annotations

from functools import cache
from urllib.parse import quote

import orjson

from prefline.config import Endpoint
from prefline.config.environment import secret
from prefline.errors import EndpointDenied
from prefline.llm.answers import TryAgain
from prefline.llm.http import (
    BodyTooLong,
    CannotConnect,
    ConnectionLost,
    HttpAnswer,
    HttpClient,
)
from prefline.llm.http.client import Call
from prefline.llm.request import Request

_HIDDEN = b"[key]"


class Transport:
    """Calls endpoints over connections that are kept."""

    def __init__(self, timeout_s: float) -> None:
        self._client = HttpClient(timeout_s)
        self._calls: dict[tuple[str | None, str, str], Call] = {}
        self._keys: dict[str, bytes] = {}

    def close(self) -> None:
        """Close every connection."""
        self._client.close()

    async def complete(
        self, endpoint: Endpoint, base_url: str, request: Request
    ) -> HttpAnswer | TryAgain:
        """`POST` a request. A broken connection or a deadline is a `TryAgain`."""
        return await self._send(endpoint, "POST", f"{base_url}{request.path}", request.encoded)

    async def models(self, endpoint: Endpoint, base_url: str) -> HttpAnswer | TryAgain:
        """`GET /models`: free of charge, and shows whether URL and key are right."""
        return await self._send(endpoint, "GET", f"{base_url}/models", b"")

    async def _send(
        self, endpoint: Endpoint, method: str, url: str, body: bytes
    ) -> HttpAnswer | TryAgain:
        try:
            # Two endpoints may have one URL and a key each.
            known = self._calls.get((endpoint.key_env, method, url))
            call = known or self._prepare(endpoint, method, url)
            answer = await self._client.send(call, body)
        except TimeoutError:
            detail = f"no answer within {self._client.timeout_s:g} s"
            return TryAgain("timeout", detail, broken=True, usage=None)
        except CannotConnect as error:
            return TryAgain("unreachable", str(error), broken=True)
        except ConnectionLost as error:
            return TryAgain("connection_lost", str(error), broken=True, usage=None)
        except BodyTooLong as error:
            return TryAgain("body_too_long", str(error), usage=None)
        return _without_key(self._keys.get(endpoint.key_env or ""), answer)

    def _prepare(self, endpoint: Endpoint, method: str, url: str) -> Call:
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        if method == "POST":
            headers["Content-Type"] = "application/json"
        if endpoint.key_env is not None:
            key = key_of(endpoint)
            headers["Authorization"] = f"Bearer {key}"
            self._keys[endpoint.key_env] = key.encode()
        call = self._calls[endpoint.key_env, method, url] = Call(method, url, headers)
        return call


def key_of(endpoint: Endpoint) -> str:
    """The endpoint's key, from the environment.

    Raises `EndpointDenied` if it is not set or cannot be a key.
    """
    assert endpoint.key_env is not None
    key = (secret(endpoint.key_env) or "").strip()
    if key and key.isascii() and key.isprintable():
        return key
    flaw = "holds characters that no key has" if key else "is not set"
    raise EndpointDenied(
        f"the environment variable {endpoint.key_env}, which should hold the key for "
        f"{endpoint.base_url}, {flaw}",
        f"export {endpoint.key_env}=... and run the same command again",
        endpoint=endpoint.base_url,
    )


def without_key(key: bytes | None, said: bytes) -> bytes:
    """What a server said without the key, which some repeat in their errors: it ends in tables
    and logs."""
    if key is not None:
        for form in _forms(key):
            if form in said:
                said = said.replace(form, _HIDDEN)
    return said


@cache
def _forms(key: bytes) -> tuple[bytes, ...]:
    """A key as it is, and as JSON of several makes and URLs have it; most keys look the same."""
    plain = key.decode("ascii")
    slashes = plain.replace("/", r"\/")
    escaped = "".join(f"\\u{ord(one):04x}" if one in "&'+<=>" else one for one in plain)
    urls = (quote(plain), quote(plain, safe=""))
    forms = (plain, slashes, escaped, orjson.dumps(plain).decode()[1:-1], *urls)
    return tuple(dict.fromkeys(form.encode() for form in forms))


def _without_key(key: bytes | None, answer: HttpAnswer) -> HttpAnswer:
    body = without_key(key, answer.body)
    location = answer.headers.get("location")
    if location is not None:
        hidden = without_key(key, location.encode("latin-1")).decode("latin-1")
        return HttpAnswer(answer.status, answer.headers | {"location": hidden}, body)
    return answer if body is answer.body else HttpAnswer(answer.status, answer.headers, body)
