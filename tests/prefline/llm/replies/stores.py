"""Reply stores to test with."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import orjson

from prefline.ids import content_hash
from prefline.llm import ReplyStore

REQUEST = b'{"ask":1}'


def key(number: int) -> str:
    """A key like those of requests."""
    return content_hash(number)[:32]


def body(number: int) -> bytes:
    """A reply of its own for each number."""
    return b'{"n":%d}' % number


def put(
    path: Path, replies: dict[str, bytes], request: bytes = REQUEST, *, batch: bool = False
) -> None:
    """Store replies as a run of its own would."""

    async def put_all(store: ReplyStore) -> None:
        await asyncio.gather(*(store.put(k, request, b, batch=batch) for k, b in replies.items()))

    with ReplyStore(path) as store:
        asyncio.run(put_all(store))


def put_numbers(path: Path, *numbers: int) -> None:
    """Store the replies of these numbers."""
    put(path, {key(number): body(number) for number in numbers})


def numbers_in(path: Path, among: range) -> set[int]:
    """The numbers whose replies a newly opened store has."""
    with ReplyStore(path) as store:
        present = {number for number in among if store.get(key(number)) == body(number)}
        assert {number for number in among if key(number) in store} == present
    return present


def chat(model: str, tokens: int) -> tuple[bytes, bytes]:
    """A request of a model, and a reply with that many tokens."""
    usage = {"prompt_tokens": tokens, "completion_tokens": 2 * tokens}
    request = {"model": model, "messages": []}
    return orjson.dumps(request), orjson.dumps({"choices": [], "usage": usage})


def execute(path: Path, statement: str, *values: object) -> list[tuple[object, ...]]:
    """Run SQL on the file, as any other program could."""
    connection = sqlite3.connect(path)
    try:
        with connection:
            return connection.execute(statement, values).fetchall()
    finally:
        connection.close()


def overwrite(path: Path, needle: bytes, garbage: bytes) -> None:
    """Damage the file where it holds `needle`."""
    content = path.read_bytes()
    assert needle in content
    at = content.index(needle)
    path.write_bytes(content[:at] + garbage + content[at + len(garbage) :])
