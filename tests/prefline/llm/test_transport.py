from __future__ import annotations

import asyncio

import pytest

from prefline.config import Endpoint
from prefline.llm.transport import Transport, hide_key
from prefline.llm.wire import Wire
from tests.prefline.llm.raw_server import raw_server
from tests.prefline.llm.requests import ask


def test_two_endpoints_at_one_url_are_called_with_a_key_each(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FIRST_KEY", "sk-first")
    monkeypatch.setenv("SECOND_KEY", "sk-second")

    async def keys_seen() -> list[str]:
        async with raw_server(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}") as (where, seen):
            transport, url = Transport(5.0), f"http://{where}/v1"
            for name in ("FIRST_KEY", "SECOND_KEY", None):
                wire = Wire(Endpoint(base_url=url, key_env=name))
                await transport.complete(wire, url, ask("x"))
            transport.close()
            return [head.partition("Bearer ")[2].partition("\r\n")[0] for head in seen.heads]

    assert asyncio.run(keys_seen()) == ["sk-first", "sk-second", ""]


@pytest.mark.parametrize("key", [b"k", b"EMPTY", b"ollama", b"not-needed", b"0000", b"12345678"])
def test_a_placeholder_for_a_key_changes_no_reply(key: bytes) -> None:
    body = b'{"text": "ollama is not-needed, EMPTY k", "prompt_tokens": 12345678, "n": 0.0000}'

    assert hide_key(key, body) == body


@pytest.mark.parametrize("key", [b"sk-a1b2c", b"correct-horse-battery"])
def test_a_key_is_cut_out_of_what_a_server_says(key: bytes) -> None:
    assert hide_key(key, b"Incorrect API key: " + key) == b"Incorrect API key: [key]"
