"""Stores replies until it is killed, and says which ones are on the disk."""

from __future__ import annotations

import asyncio
import sys
from itertools import count
from pathlib import Path

from prefline.llm.replies import ReplyStore
from tests.prefline.llm.replies.folders import ASK, body, key


async def _store(store: ReplyStore, first: int) -> None:
    numbers = count(first)

    async def work() -> None:
        for number in numbers:
            await store.put(key(number), ASK, body(number))
            sys.stdout.write(f"{number}\n")
            sys.stdout.flush()

    await asyncio.gather(*(work() for _ in range(8)))


if __name__ == "__main__":
    with ReplyStore(Path(sys.argv[1])) as replies:
        asyncio.run(_store(replies, int(sys.argv[2])))
