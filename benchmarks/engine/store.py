"""CPU time of the reply store alone: opening, put, get and a miss.

`python -m benchmarks.engine.store [--quick] [--calls N]`. Replies of about 1 KB to requests of
about 1 KB are put 64 at once, and got in another order than they were put in.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.engine.fill import fill
from benchmarks.engine.material import prompts
from benchmarks.engine.results import Results
from benchmarks.engine.stage import generate_params, replies
from prefline.llm import ReplyStore, Request
from tasks.generate import generation_requests

_AT_ONCE = 64
_LOOKED_UP = 20_000


def main() -> None:
    """Measure, and write the result down."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engine.store")
    parser.add_argument("--quick", action="store_true", help="small sizes, not for quoting")
    parser.add_argument("--calls", type=int, help="replies in the store; 100,000 if not given")
    options = parser.parse_args()
    calls = options.calls or (5_000 if options.quick else 100_000)
    results = Results("store", quick=options.quick)
    results.begin()
    for _ in range(1 if options.quick else 5):
        with tempfile.TemporaryDirectory(prefix="bench-engine-") as name:
            results.add(_measure(Path(name), calls))


def _measure(folder: Path, calls: int) -> dict[str, float]:
    path = replies(folder)
    requests = list(generation_requests(prompts(calls), generate_params("http://127.0.0.1:9/v1")))
    for request in requests:
        _ = request.key, request.encoded  # which are kept, and are not the store's work
    fill(folder, 64)  # once, to have a reply to put
    with ReplyStore(path) as store:
        reply = store.get(requests[0].key)
        assert reply is not None
        put_us = _cpu_us(lambda: asyncio.run(_put(store, requests[64:], reply)), calls - 64)
    began = time.perf_counter()
    with ReplyStore(path) as store:
        store.get(requests[0].key)
        open_ms = (time.perf_counter() - began) * 1e3
        keys = random.Random(1).choices([request.key for request in requests], k=_LOOKED_UP)
        get_us = _cpu_us(lambda: [store.get(key) for key in keys], len(keys))
        miss_us = _cpu_us(lambda: [store.get(key[::-1]) for key in keys], len(keys))
    return {
        "calls": calls, "put_us": put_us, "get_us": get_us, "miss_us": miss_us,
        "open_ms": open_ms, "stored_bytes": path.stat().st_size,
    }  # fmt: skip


async def _put(store: ReplyStore, requests: list[Request], reply: bytes) -> None:
    for begin in range(0, len(requests), _AT_ONCE):
        group = requests[begin : begin + _AT_ONCE]
        await asyncio.gather(*(store.put(one.key, one.encoded, reply) for one in group))


def _cpu_us(work: Callable[[], object], count: int) -> float:
    """Return the microseconds of CPU that `work` takes for each of `count` things."""
    began = time.process_time()
    work()
    return (time.process_time() - began) / count * 1e6


if __name__ == "__main__":
    main()
