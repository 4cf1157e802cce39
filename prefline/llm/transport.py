"""Calls to endpoints over HTTP, with keys kept out of what comes back, and the free probe."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from functools import cache
from urllib.parse import quote

import orjson

from prefline.config import Endpoint
from prefline.config.environment import secret
from prefline.errors import EndpointDenied, EndpointUnreachable
from prefline.llm.faults import read_fault
from prefline.llm.http_client import HttpClient, PreparedCall
from prefline.llm.http_connection import BodyTooLong, CannotConnect, ConnectionLost, HttpResponse
from prefline.llm.parsing import Retry
from prefline.llm.request import Request
from prefline.llm.wire import Wire, headers_for

_HIDDEN = b"[key]"
_SHORTEST_SECRET = 8  # characters, of letters and digits; twice as many where there is one kind


class Transport:
    """Call endpoints over connections that are kept."""

    def __init__(self, timeout_s: float) -> None:
        self._client = HttpClient(timeout_s)
        self._calls: dict[tuple[str | None, str | None, str, str], PreparedCall] = {}
        self._keys: dict[str, bytes] = {}

    def close(self) -> None:
        """Close every connection."""
        self._client.close()

    def complete(
        self, wire: Wire, base_url: str, request: Request
    ) -> Awaitable[HttpResponse | Retry]:
        """`POST` a request. A broken connection or a timeout is a `Retry`."""
        url = wire.url(base_url, request)
        return self._send(wire.endpoint, "POST", url, wire.encode(request))

    async def models(self, endpoint: Endpoint, base_url: str) -> HttpResponse | Retry:
        """`GET /models`: free of charge, and shows whether URL and key are right."""
        return await self._send(endpoint, "GET", Wire(endpoint).models_url(base_url), b"")

    async def _send(
        self, endpoint: Endpoint, method: str, url: str, body: bytes
    ) -> HttpResponse | Retry:
        try:
            # Two endpoints may have one URL and a key each.
            known = self._calls.get((endpoint.key_env, endpoint.dialect, method, url))
            call = known or self._prepare(endpoint, method, url)
            response = await self._client.send(call, body)
        except TimeoutError:
            detail = f"no answer within {self._client.timeout_s:g} s"
            return Retry("timeout", detail, broken=True, usage=None)
        except CannotConnect as error:
            return Retry("unreachable", str(error), broken=True)
        except ConnectionLost as error:
            return Retry("connection_lost", str(error), broken=True, usage=None)
        except BodyTooLong as error:
            return Retry("body_too_long", str(error), usage=None)
        return _hide_key_in(response, self._keys.get(endpoint.key_env or ""))

    def _prepare(self, endpoint: Endpoint, method: str, url: str) -> PreparedCall:
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        if method == "POST":
            headers["Content-Type"] = "application/json"
        key = None
        if endpoint.key_env is not None:
            key = read_key(endpoint)
            self._keys[endpoint.key_env] = key.encode()
        call = PreparedCall(method, url, headers | headers_for(endpoint, key))
        self._calls[endpoint.key_env, endpoint.dialect, method, url] = call
        return call


@dataclass(frozen=True, slots=True)
class Listing:
    """The models that an endpoint lists: their names, or why this key gets no list; neither
    where there is no list."""

    models: tuple[str, ...] = ()
    denied: str | None = None


async def probe(transport: Transport, endpoint: Endpoint, base_url: str) -> Listing:
    """Ask an endpoint for the names of its models: see that it is there.

    Raises `EndpointUnreachable`, and `EndpointDenied` where there is no key to send. A key that
    may not list models may be good for calls: the first one tells.
    """
    response = await transport.models(endpoint, base_url)
    if isinstance(response, Retry):
        raise unreachable_error(endpoint, response.detail)
    if response.status in (401, 402, 403):
        return Listing(denied=f"HTTP {response.status}: {read_fault(response.body).message}")
    try:
        return Listing(tuple(str(model["id"]) for model in orjson.loads(response.body)["data"]))
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return Listing()


async def probe_replicas(transport: Transport, endpoint: Endpoint) -> None:
    """Probe every replica once.

    Raises `EndpointDenied` if there is no key to send, and `EndpointUnreachable` if none can be
    reached: one that comes back later is found by its circuit breaker.
    """
    results = await asyncio.gather(
        *(probe(transport, endpoint, url) for url in endpoint.urls), return_exceptions=True
    )
    errors = [result for result in results if isinstance(result, BaseException)]
    for error in errors:
        if not isinstance(error, EndpointUnreachable) or len(errors) == len(results):
            raise error


def down_error(endpoint: Endpoint, detail: str) -> EndpointUnreachable:
    """Return the error for an endpoint that answers with nothing but errors, or no more."""
    return EndpointUnreachable(
        f"{endpoint.base_url} failed again and again: {detail}",
        "see whether the server is up and well, and run the same command again: everything "
        "paid for is kept; `prefline doctor` checks it",
        endpoint=endpoint.base_url,
    )


def unreachable_error(endpoint: Endpoint, detail: str) -> EndpointUnreachable:
    """Return the error for an endpoint that cannot be talked to."""
    return EndpointUnreachable(
        f"{endpoint.base_url} cannot be reached: {detail}",
        "start the server, or correct base_url in params.yaml; `prefline doctor` checks it",
        endpoint=endpoint.base_url,
    )


def read_key(endpoint: Endpoint) -> str:
    """Return the endpoint's key, from the environment.

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


def hide_key(key: bytes | None, text: bytes) -> bytes:
    """Cut the key out of a server's text: some repeat it in errors, which end in tables and
    logs. A placeholder stays: words and numbers of replies may hold it."""
    if key is not None and _is_secret(key):
        for form in _key_forms(key):
            if form in text:
                text = text.replace(form, _HIDDEN)
    return text


@cache
def _is_secret(key: bytes) -> bool:
    """Return whether a key is more than a placeholder (`EMPTY`, `ollama`, `not-needed`, `0000`),
    which a server without keys is called with."""
    plain = key.decode("ascii")
    is_mixed = any(map(str.isalpha, plain)) and any(map(str.isdigit, plain))
    return len(plain) >= (_SHORTEST_SECRET if is_mixed else 2 * _SHORTEST_SECRET)


@cache
def _key_forms(key: bytes) -> tuple[bytes, ...]:
    """Return a key as it is, and as several JSON encoders and URLs write it."""
    plain = key.decode("ascii")
    slashes = plain.replace("/", r"\/")
    escaped = "".join(f"\\u{ord(char):04x}" if char in "&'+<=>" else char for char in plain)
    urls = (quote(plain), quote(plain, safe=""))
    forms = (plain, slashes, escaped, orjson.dumps(plain).decode()[1:-1], *urls)
    return tuple(dict.fromkeys(form.encode() for form in forms))


def _hide_key_in(response: HttpResponse, key: bytes | None) -> HttpResponse:
    if key is None:
        return response
    body = hide_key(key, response.body)
    location = response.headers.get("location")
    if location is not None:
        hidden = hide_key(key, location.encode("latin-1")).decode("latin-1")
        return response._replace(headers=response.headers | {"location": hidden}, body=body)
    return response if body is response.body else response._replace(body=body)
