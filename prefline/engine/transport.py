"""One HTTP call to one endpoint, with nothing decided: bytes out, bytes in, no secret in sight."""

from __future__ import annotations

from prefline.engine.answers import TryAgain
from prefline.engine.http import (
    BodyTooLong,
    CannotConnect,
    ConnectionLost,
    HttpAnswer,
    HttpClient,
)
from prefline.engine.http.client import Call
from prefline.engine.request import Request
from prefline.environment import secret
from prefline.errors import EndpointDenied
from prefline.params import Endpoint

_HIDDEN = b"[key]"


class Transport:
    """Calls endpoints over connections that are kept."""

    def __init__(self, timeout_s: float) -> None:
        self._client = HttpClient(timeout_s)
        self._calls: dict[tuple[str, str], Call] = {}
        self._keys: dict[str, bytes] = {}

    def close(self) -> None:
        """Close every connection."""
        self._client.close()

    async def complete(
        self, endpoint: Endpoint, base_url: str, request: Request
    ) -> HttpAnswer | TryAgain:
        """`POST /chat/completions`. A broken connection or a deadline is a `TryAgain`."""
        return await self._send(endpoint, "POST", f"{base_url}/chat/completions", request.encoded)

    async def models(self, endpoint: Endpoint, base_url: str) -> HttpAnswer | TryAgain:
        """`GET /models`: free of charge, and shows whether URL and key are right."""
        return await self._send(endpoint, "GET", f"{base_url}/models", b"")

    async def _send(
        self, endpoint: Endpoint, method: str, url: str, body: bytes
    ) -> HttpAnswer | TryAgain:
        try:
            call = self._calls.get((method, url)) or self._prepare(endpoint, method, url)
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
        body = without_key(self._keys.get(endpoint.key_env or ""), answer.body)
        return answer if body is answer.body else HttpAnswer(answer.status, answer.headers, body)

    def _prepare(self, endpoint: Endpoint, method: str, url: str) -> Call:
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        if method == "POST":
            headers["Content-Type"] = "application/json"
        if endpoint.key_env is not None:
            key = key_of(endpoint)
            headers["Authorization"] = f"Bearer {key}"
            self._keys[endpoint.key_env] = key.encode()
        self._calls[method, url] = Call(method, url, headers)
        return self._calls[method, url]


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
    return said if key is None or key not in said else said.replace(key, _HIDDEN)
