from __future__ import annotations

import asyncio

import pytest

from prefline.config import Endpoint, EngineParams
from prefline.errors import EndpointUnreachable
from prefline.llm.batch.api import batch_api
from tests.prefline.llm.raw_server import raw_server

LINES = ['{"a":"one\u2028still one"}', "", '{"a":"two\u0085\x1cstill two"}\r', "three"]
CONTENT = "\n".join(LINES).encode()


async def read(length: int) -> list[bytes]:
    """The lines of a file of which so many bytes were announced."""
    head = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % length

    async def reply(writer: asyncio.StreamWriter) -> None:
        writer.write(head + CONTENT)
        writer.close()

    async with raw_server(reply) as (where, _):
        endpoint = Endpoint(base_url=f"http://{where}/v1", model="m", mode="batch")
        api = batch_api(endpoint, EngineParams(max_tries=1, timeout_s=5))
        try:
            return [line async for line in api.lines("file-1")]
        finally:
            await api.close()


def test_a_reply_with_unicode_line_breaks_is_one_line() -> None:
    assert asyncio.run(read(len(CONTENT))) == [line.encode() for line in LINES if line]


def test_a_file_that_breaks_off_is_an_error_of_the_endpoint() -> None:
    with pytest.raises(EndpointUnreachable, match="Batch API"):
        asyncio.run(read(len(CONTENT) + 10))
