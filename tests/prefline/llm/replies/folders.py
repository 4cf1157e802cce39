"""Folders of replies to test with."""

from __future__ import annotations

import asyncio
import zlib
from pathlib import Path

import orjson

from prefline.ids import content_hash
from prefline.llm import ReplyStore

ASK = b'{"ask":1}'


def key(number: int) -> str:
    """A key like those of requests."""
    return content_hash(number)[:32]


def body(number: int) -> bytes:
    """A reply of its own for each number."""
    return b'{"n":%d}' % number


def put(
    folder: Path, replies: dict[str, bytes], request: bytes = ASK, *, batch: bool = False
) -> None:
    """Store replies as a process of its own would: in a journal that is then finished."""

    async def put_all(store: ReplyStore) -> None:
        await asyncio.gather(*(store.put(k, request, b, batch=batch) for k, b in replies.items()))

    with ReplyStore(folder) as store:
        asyncio.run(put_all(store))


def put_numbers(folder: Path, *numbers: int) -> None:
    """Store the replies of these numbers."""
    put(folder, {key(number): body(number) for number in numbers})


def chat(model: str, tokens: int) -> tuple[bytes, bytes]:
    """A request of a model, and a reply with that many tokens."""
    usage = {"prompt_tokens": tokens, "completion_tokens": 2 * tokens}
    return orjson.dumps({"model": model}), orjson.dumps({"choices": [], "usage": usage})


def journals(folder: Path, suffix: str = ".replies") -> list[Path]:
    """The journals, the oldest first."""
    return sorted(folder.glob(f"*{suffix}"))


def legacy_line(k: str, request: bytes, reply: bytes) -> bytes:
    """A line of a journal of earlier versions."""
    record = request + b"\t" + reply
    return b"%s %08x %s\n" % (k.encode(), zlib.crc32(record), record)
