"""A reply store with as many replies as asked, written by `ReplyStore.put`.

    python -m benchmarks.engine.fill --calls N --folder F

They are the replies to what the program `stage` of `clients.py` asks, each of about 1 KB.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import orjson

from benchmarks.engine.material import MODEL, prompts
from benchmarks.engine.peers.inputs import texts
from benchmarks.engine.stage import generate_params, replies
from prefline.llm import ReplyStore, Request
from tasks.generate import generation_requests

_AT_ONCE = 1_000


def fill(folder: Path, calls: int) -> None:
    """Write them below `folder`, where the stage looks for them."""
    asked = generation_requests(prompts(calls), generate_params("http://127.0.0.1:9/v1"))
    with ReplyStore(replies(folder)) as store:
        asyncio.run(_put(store, asked))


async def _put(store: ReplyStore, asked: Iterator[Request]) -> None:
    said = [_completion(text) for text in texts(256, seed=1)]
    while group := list(islice(asked, _AT_ONCE)):
        puts = [
            store.put(one.key, one.encoded, said[number % len(said)])
            for number, one in enumerate(group)
        ]
        await asyncio.gather(*puts)


def _completion(text: str) -> bytes:
    message = {"role": "assistant", "content": text, "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    usage = {"prompt_tokens": 260, "completion_tokens": 240, "total_tokens": 500}
    body = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": MODEL}
    return orjson.dumps(body | {"choices": [choice], "usage": usage})


def main() -> None:
    """Fill a store."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engine.fill")
    parser.add_argument("--calls", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    given = parser.parse_args()
    fill(given.folder, given.calls)


if __name__ == "__main__":
    main()
