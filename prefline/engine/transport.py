"""One HTTP call to one endpoint, with nothing decided: bytes out, bytes in."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType

import aiohttp

from prefline.engine.answers import TryAgain
from prefline.engine.request import Request
from prefline.environment import proxy_from_environment, secret
from prefline.errors import EndpointDenied
from prefline.params import Endpoint

LONGEST_BODY = 32 * 1024 * 1024  # bytes


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """Status, headers and body of an answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Transport:
    """A keep-alive pool of connections. Proxies are taken from the usual variables, once for
    each URL: aiohttp's own `trust_env` looks in a thread at every call, which doubles its
    cost."""

    def __init__(self, timeout_s: float, connections: int) -> None:
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None
        self._proxies: dict[str, str | None] = {}

    async def __aenter__(self) -> Transport:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._connections),
            timeout=self._timeout,
            auto_decompress=True,
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._session is not None
        await self._session.close()

    async def complete(
        self, endpoint: Endpoint, base_url: str, request: Request
    ) -> HttpAnswer | TryAgain:
        """`POST /chat/completions`. A broken connection or a deadline is a `TryAgain`."""
        return await self._call("POST", f"{base_url}/chat/completions", endpoint, request.encoded)

    async def models(self, endpoint: Endpoint, base_url: str) -> HttpAnswer | TryAgain:
        """`GET /models`: free of charge, and shows whether URL and key are right."""
        return await self._call("GET", f"{base_url}/models", endpoint, None)

    async def _call(
        self, method: str, url: str, endpoint: Endpoint, body: bytes | None
    ) -> HttpAnswer | TryAgain:
        assert self._session is not None
        headers, proxy = _headers(endpoint), self._proxy_for(url)
        try:
            async with self._session.request(
                method, url, data=body, headers=headers, proxy=proxy
            ) as answer:
                content = await _read_bounded(answer)
                return HttpAnswer(answer.status, answer.headers, content)
        except TimeoutError:
            return TryAgain("timeout", f"no answer within {self._timeout.total:g} s")
        except aiohttp.ClientConnectorError as error:
            return TryAgain("unreachable", str(error))
        except (aiohttp.ClientError, asyncio.IncompleteReadError) as error:
            return TryAgain("connection_lost", f"{type(error).__name__}: {error}")
        except BodyTooLong as error:
            return TryAgain("body_too_long", str(error))

    def _proxy_for(self, url: str) -> str | None:
        if url not in self._proxies:
            self._proxies[url] = proxy_from_environment(url)
        return self._proxies[url]


class BodyTooLong(Exception):
    """An answer is longer than any reply can be; it is not read to its end."""


async def _read_bounded(answer: aiohttp.ClientResponse) -> bytes:
    chunks, length = [], 0
    async for chunk in answer.content.iter_any():
        length += len(chunk)
        if length > LONGEST_BODY:
            answer.close()
            raise BodyTooLong(f"the answer is longer than {LONGEST_BODY >> 20} MiB")
        chunks.append(chunk)
    return b"".join(chunks)


def _headers(endpoint: Endpoint) -> dict[str, str]:
    headers = {"Content-Type": "application/json"}
    if endpoint.key_env is not None:
        key = secret(endpoint.key_env)
        if key is None:
            raise EndpointDenied(
                f"the environment variable {endpoint.key_env}, which should hold the key for "
                f"{endpoint.base_url}, is not set",
                f"export {endpoint.key_env}=... and run the same command again",
                endpoint=endpoint.base_url,
            )
        headers["Authorization"] = f"Bearer {key}"
    return headers
