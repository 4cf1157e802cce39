"""aiohttp in the place of the engine's own HTTP client, to measure what that one buys.

Bodies longer than 32 MiB are not read to their end either; a run over it makes the same calls.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

import aiohttp
from yarl import URL

from prefline.llm import transport
from prefline.llm.http_connection import LONGEST_BODY, BodyTooLong, ConnectionLost, HttpResponse


@dataclass(frozen=True, slots=True)
class PreparedCall:
    """A method, a URL and headers, as `prefline.llm.http_client.PreparedCall`."""

    method: str
    url: str
    headers: Mapping[str, str]


class AiohttpClient:
    """Send calls as `prefline.llm.http_client.HttpClient` does."""

    def __init__(self, timeout_s: float) -> None:
        self.timeout_s = timeout_s
        self._session: aiohttp.ClientSession | None = None
        self._urls: dict[str, URL] = {}

    async def send(self, call: PreparedCall, body: bytes = b"") -> HttpResponse:
        """Return the response to one call."""
        session = self._session or self._open()
        url = self._urls.get(call.url) or self._urls.setdefault(call.url, URL(call.url))
        try:
            async with session.request(
                call.method, url, data=body or None, headers=call.headers, allow_redirects=False
            ) as response:
                if (response.content_length or 0) > LONGEST_BODY:
                    raise BodyTooLong(f"the answer is longer than {LONGEST_BODY >> 20} MiB")
                content = await response.read()
        except aiohttp.ClientError as error:
            raise ConnectionLost(str(error)) from error
        # Looked up in any case, so as good as the plain dictionary.
        headers = cast("dict[str, str]", response.headers)
        return HttpResponse(response.status, headers, content)

    def close(self) -> None:
        """Close every connection."""
        if self._session is not None:
            self._closing = asyncio.ensure_future(self._session.close())

    def _open(self) -> aiohttp.ClientSession:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=self.timeout_s),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self._session


@contextmanager
def engine_over_aiohttp() -> Iterator[None]:
    """Let engines that are opened in the block call over aiohttp."""
    own = transport.HttpClient, transport.PreparedCall
    transport.HttpClient, transport.PreparedCall = AiohttpClient, PreparedCall  # type: ignore[misc, assignment]  # the same interface
    try:
        yield
    finally:
        transport.HttpClient, transport.PreparedCall = own  # type: ignore[misc]
