"""A provider's Batch API: what the engine needs of one, and OpenAI's, by the `openai` package."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from prefline.config import Endpoint, EngineParams
from prefline.errors import EndpointError, EndpointUnreachable
from prefline.llm.batch.ledger import URL, BatchEntry
from prefline.llm.parsing import Stop, classify
from prefline.llm.transport import hide_key, read_key
from prefline.llm.wire import headers_for

if TYPE_CHECKING:
    from openai import APIError, AsyncOpenAI
    from openai.types import Batch

_IDENTITY = "prefline"  # the name of our entry in a batch's metadata
_ENDED = {"completed", "failed", "expired", "cancelled"}
_PAGE = 100


@dataclass(frozen=True, slots=True)
class BatchState:
    """The state of a batch. `files` hold its output and its errors, once it has ended."""

    status: str
    done: int
    total: int
    files: tuple[str, ...]
    flaws: str

    @property
    def ended(self) -> bool:
        """True if nothing more will come."""
        return self.status in _ENDED


class BatchApi(Protocol):
    """A Batch API: sends batches, finds them and reads their output."""

    async def check(self) -> None:
        """Check that there is a Batch API and that it takes the key; free of charge."""

    async def send(self, path: Path, identity: str) -> str:
        """Start a batch over a file of lines, and return the provider's id."""

    async def find(self, entry: BatchEntry, since: float, known: Collection[str]) -> str | None:
        """Return the provider's id of a batch that was sent for an entry, at Unix time `since` or
        later, None if there is none; `known` are ids of other entries."""

    async def state(self, batch_id: str) -> BatchState:
        """Return the state of a batch."""

    def lines(self, file_id: str) -> AsyncIterator[bytes]:
        """Yield the lines of a file, as they come."""

    async def close(self) -> None:
        """Close the connections."""


def batch_api(endpoint: Endpoint, params: EngineParams) -> BatchApi:
    """Return the Batch API of an endpoint."""
    if endpoint.spoken.api == "anthropic":
        from prefline.llm.batch.messages import MessageBatches

        return MessageBatches(endpoint, params)
    return OpenAIBatches(endpoint, params)


class OpenAIBatches:
    """Send batches, find them, and read their output.

    Every method raises `EndpointError`: `EndpointUnreachable` where it may pass. The SDK's errors
    are not chained: they may repeat the key, and tracebacks are logged.
    """

    def __init__(self, endpoint: Endpoint, params: EngineParams) -> None:
        self._endpoint = endpoint
        self._params = params
        self._client: AsyncOpenAI | None = None

    async def check(self) -> None:
        """Check that there is a Batch API and that it takes the key; free of charge."""
        from openai import APIError

        try:
            await self._api.batches.list(limit=1)
        except APIError as error:
            raise self._wrapped(error) from None

    async def send(self, path: Path, identity: str) -> str:
        """Upload a file of lines, start a batch over it, and return the provider's id."""
        from openai import APIError

        try:
            with path.open("rb") as lines:
                file = await self._api.files.create(file=(path.name, lines), purpose="batch")
            batch = await self._api.batches.create(
                input_file_id=file.id,
                endpoint=URL,  # type: ignore[arg-type]
                completion_window="24h",
                metadata={_IDENTITY: identity},
            )
        except APIError as error:
            raise self._wrapped(error) from None
        return batch.id

    async def find(self, entry: BatchEntry, since: float, known: Collection[str]) -> str | None:
        """Return the provider's id of a batch that was sent under an entry's identity, None if
        there is none. One that was refused or cancelled without output does not count."""
        del since, known  # the identity tells
        from openai import APIError

        try:
            async for batch in self._api.batches.list(limit=_PAGE):
                if (batch.metadata or {}).get(_IDENTITY) == entry.identity and not _without_output(
                    batch
                ):
                    return batch.id
        except APIError as error:
            raise self._wrapped(error) from None
        return None

    async def state(self, batch_id: str) -> BatchState:
        """Return the state of a batch."""
        from openai import APIError

        try:
            state = _state(await self._api.batches.retrieve(batch_id))
        except APIError as error:
            raise self._wrapped(error) from None
        return replace(state, flaws=self._hide_key(state.flaws.encode()).decode("utf-8", "replace"))

    async def lines(self, file_id: str) -> AsyncIterator[bytes]:
        """Yield the lines of a file, as they come."""
        import httpx2  # what the SDK is built on
        from openai import APIConnectionError, APIError

        try:
            streamed = self._api.files.with_streaming_response.content(file_id)
            async with streamed as response:
                async for line in split_lines(response.iter_bytes()):
                    if line.strip():
                        yield line
        except APIError as error:
            raise self._wrapped(error) from None
        except httpx2.HTTPError as error:  # the SDK wraps none of these once the answer has begun
            broken = APIConnectionError(message=f"{error!r}", request=error.request)
            raise self._wrapped(broken) from None

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.close()

    @property
    def _api(self) -> AsyncOpenAI:
        if self._client is None:
            from openai import AsyncOpenAI

            key = read_key(self._endpoint) if self._endpoint.key_env else None
            self._client = AsyncOpenAI(
                base_url=self._endpoint.base_url,
                api_key=key or "none",
                default_headers=headers_for(self._endpoint, key),
                max_retries=self._params.max_tries,
                timeout=self._params.timeout_s,
            )
        return self._client

    def _hide_key(self, text: bytes) -> bytes:
        key = read_key(self._endpoint).encode() if self._endpoint.key_env else None
        return hide_key(key, text)

    def _wrapped(self, error: APIError) -> EndpointError:
        status = getattr(error, "status_code", None)
        if status is not None:
            answer = classify(self._endpoint, status, {}, self._hide_key(_body(error)))
            if isinstance(answer, Stop):
                return answer.error
        message = self._hide_key(error.message.encode()).decode("utf-8", "replace")
        return batch_api_error(self._endpoint, message)


def batch_api_error(endpoint: Endpoint, message: str) -> EndpointUnreachable:
    """Return the error for a Batch API that cannot be used now."""
    return EndpointUnreachable(
        f"the Batch API of {endpoint.base_url} failed: {message}",
        "see whether it has one (`/v1/batches`), or set `mode: live`; then run the same "
        "command again: a batch that was sent is found again",
        endpoint=endpoint.base_url,
    )


async def split_lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Split at newlines alone: httpx also splits at U+2028, U+0085 and the like, which JSON may
    have in a string as they are."""
    rest = b""
    async for chunk in chunks:
        *lines, last = chunk.split(b"\n")
        for line in lines:
            yield rest + line
            rest = b""
        rest += last
    yield rest


def _without_output(batch: Batch) -> bool:
    return batch.status in ("failed", "cancelled") and batch.output_file_id is None


def _body(error: APIError) -> bytes:
    response = getattr(error, "response", None)
    return b"" if response is None else bytes(response.content)


def _state(batch: Batch) -> BatchState:
    counts, errors = batch.request_counts, (batch.errors.data if batch.errors else None)
    return BatchState(
        status=batch.status,
        done=counts.completed + counts.failed if counts else 0,
        total=counts.total if counts else 0,
        files=tuple(file for file in (batch.output_file_id, batch.error_file_id) if file),
        flaws="; ".join(f"{error.message} (line {error.line})" for error in errors or ()),
    )
