"""Anthropic's message batches. https://platform.claude.com/docs/en/api/creating-message-batches"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Collection
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from prefline.config import Endpoint, EngineParams
from prefline.errors import EndpointUnreachable, RequestRefused
from prefline.llm.backpressure import backoff_s
from prefline.llm.batch.api import BatchState, batch_api_error, split_lines
from prefline.llm.batch.ledger import BatchEntry
from prefline.llm.http_client import tls_context
from prefline.llm.parsing import Refused, Retry, Stop, classify
from prefline.llm.transport import hide_key, read_key
from prefline.llm.wire import headers_for

if TYPE_CHECKING:
    import aiohttp

_PATH = "/messages/batches"
_PAGE = 100
_CLOCKS_S = 300.0  # by which the provider's clock may be behind ours
_FIRST_ERROR = 300
_ENDED = {"ended": "completed"}


class MessageBatches:
    """Send message batches, find them, and read their results.

    Every method raises `EndpointError`: `EndpointUnreachable` where it may pass.
    """

    def __init__(self, endpoint: Endpoint, params: EngineParams) -> None:
        self._endpoint = endpoint
        self._params = params
        self._session: aiohttp.ClientSession | None = None
        self._random = random.Random()

    async def check(self) -> None:
        """Check that there are batches and that they take the key; free of charge."""
        await self._call("GET", f"{_PATH}?limit=1")

    async def send(self, path: Path, identity: str) -> str:
        """Start a batch over a file of lines, and return the provider's id."""
        del identity  # there is nowhere to put it
        lines = await asyncio.to_thread(path.read_bytes)
        body = b'{"requests":[%b]}' % b",".join(lines.splitlines())
        return str((await self._call("POST", _PATH, body))["id"])

    async def find(self, entry: BatchEntry, since: float, known: Collection[str]) -> str | None:
        """Return the provider's id of a batch that was sent for an entry, None if there is none.

        It is told by its number of requests, its time and its not being known otherwise: a batch
        has no room for an identity. What it holds shows when its results are read.
        """
        after = ""
        while True:
            page = await self._call("GET", f"{_PATH}?limit={_PAGE}{after}")
            for batch in page["data"]:
                created = datetime.fromisoformat(batch["created_at"]).timestamp()
                if created < since - _CLOCKS_S:
                    return None  # the newest come first
                is_its_size = sum(batch["request_counts"].values()) == len(entry.keys)
                if is_its_size and batch["id"] not in known:
                    return str(batch["id"])
            if not page.get("has_more"):
                return None
            after = f"&after_id={page['last_id']}"

    async def state(self, batch_id: str) -> BatchState:
        """Return the state of a batch."""
        batch = await self._call("GET", f"{_PATH}/{batch_id}")
        counts: dict[str, int] = batch["request_counts"]
        status = batch["processing_status"]
        ended = status == "ended"
        return BatchState(
            status=_ENDED.get(status, status),
            done=sum(counts.values()) - counts.get("processing", 0),
            total=sum(counts.values()),
            files=(batch_id,) if ended else (),
            flaws="",
        )

    async def lines(self, file_id: str) -> AsyncIterator[bytes]:
        """Yield the lines of a batch's results, as they come."""
        import aiohttp

        try:
            url = f"{self._endpoint.base_url}{_PATH}/{file_id}/results"
            async with self._open().get(url, timeout=_no_limit()) as response:
                if response.status >= _FIRST_ERROR:
                    raise self._error(response.status, await response.read())
                async for line in split_lines(response.content.iter_any()):
                    if line.strip():
                        yield line
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise batch_api_error(self._endpoint, repr(error)) from None

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    async def _call(self, method: str, path: str, body: bytes | None = None) -> Any:
        """Return the content of an answer; passing faults are tried again."""
        import aiohttp

        for tries in range(1, self._params.max_tries + 1):
            after_s = None
            try:
                url = f"{self._endpoint.base_url}{path}"
                async with self._open().request(method, url, data=body) as response:
                    content = await response.read()
                    if response.status < _FIRST_ERROR:
                        return orjson.loads(content)
                    error: Exception = self._error(response.status, content)
                    if not isinstance(error, EndpointUnreachable):
                        raise error
                    after = response.headers.get("retry-after", "")
                    after_s = float(after) if after.isdigit() else None
            except (aiohttp.ClientError, TimeoutError, OSError, orjson.JSONDecodeError) as failure:
                error = batch_api_error(self._endpoint, repr(failure))
                never_sent = isinstance(failure, aiohttp.ClientConnectorError)
                if method == "POST" and not never_sent:
                    # It may have arrived: the next run finds it, a second try would buy it twice.
                    raise error from None
            if tries < self._params.max_tries:
                wait_s = backoff_s(tries, self._params.max_back_off_s, after_s, self._random)
                await asyncio.sleep(wait_s)
        raise error

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            import aiohttp

            key = read_key(self._endpoint) if self._endpoint.key_env else None
            is_tls = self._endpoint.base_url.startswith("https")
            self._session = aiohttp.ClientSession(
                headers={"Content-Type": "application/json", **headers_for(self._endpoint, key)},
                connector=aiohttp.TCPConnector(ssl=tls_context()) if is_tls else None,
                timeout=aiohttp.ClientTimeout(total=self._params.timeout_s),
                trust_env=True,
            )
        return self._session

    def _error(self, status: int, body: bytes) -> Exception:
        key = read_key(self._endpoint).encode() if self._endpoint.key_env else None
        body = hide_key(key, body)
        answer = classify(self._endpoint, status, {}, body)
        if isinstance(answer, Stop):
            return answer.error
        if isinstance(answer, Refused):
            return RequestRefused(
                f"{self._endpoint.base_url} refuses a batch: {answer.detail}",
                "mend what it names (often `model`, or batch.max_requests and batch.max_bytes of "
                "the endpoint in params.yaml); `prefline doctor --call` tries the endpoint",
                endpoint=self._endpoint.base_url,
            )
        detail = answer.detail if isinstance(answer, Retry) else repr(body[:200])
        return batch_api_error(self._endpoint, f"HTTP {status}: {detail}")


def _no_limit() -> aiohttp.ClientTimeout:
    import aiohttp

    return aiohttp.ClientTimeout(total=None, sock_read=600)
