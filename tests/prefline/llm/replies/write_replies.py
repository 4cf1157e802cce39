"""Forks workers that buy and store replies until they are killed: `PATH LOG`.

Each line of the standard input, a number, starts a worker that goes on from that number; its
process id is the answer, and "end" once it is gone. A worker notes in LOG what it buys, before it
stores it, and what it has stored.
"""

from __future__ import annotations

import asyncio
import os
import sys
from itertools import count
from pathlib import Path

from prefline.llm.replies import ReplyStore, database
from tests.prefline.llm.replies.stores import REQUEST, body, key


async def _buy(store: ReplyStore, first: int, log: int) -> None:
    numbers = count(first)

    async def work() -> None:
        for number in numbers:
            if key(number) not in store:
                os.write(log, b"bought %d\n" % number)
                await store.put(key(number), REQUEST, body(number))
                os.write(log, b"stored %d\n" % number)

    await asyncio.gather(*(work() for _ in range(8)))


def _start(path: Path, first: int, log: int) -> int:
    worker = os.fork()
    if worker == 0:
        with ReplyStore(path) as store:
            asyncio.run(_buy(store, first, log))
    return worker


def main() -> None:
    """Start workers as told."""
    database._CHECKPOINT_PAGES = 30  # so that kills meet checkpoints too
    path = Path(sys.argv[1])
    log = os.open(sys.argv[2], os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    for line in sys.stdin:
        workers = [_start(path, int(first), log) for first in line.split()]
        sys.stdout.write(" ".join(map(str, workers)) + "\n")
        sys.stdout.flush()
        for worker in workers:
            os.waitpid(worker, 0)
        sys.stdout.write("end\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
