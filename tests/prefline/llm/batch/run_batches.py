"""Sends N requests by batch with a reply store: something for a test to kill."""

from __future__ import annotations

import sys
from pathlib import Path

from prefline.config import BatchLimits, Endpoint, EngineParams
from prefline.llm import Engine, ReplyStore
from tests.prefline.llm.requests import ask

if __name__ == "__main__":
    url, folder, count, size = sys.argv[1:]
    endpoint = Endpoint(
        base_url=url,
        model="sim-strong",
        mode="batch",
        batch=BatchLimits(max_requests=int(size), poll_s=0.05),
    )
    with (
        ReplyStore(Path(folder) / "replies.db") as store,
        Engine([endpoint], EngineParams(), store, batches=Path(folder) / "batches") as engine,
    ):
        list(engine.answer(ask(f"prompt {n}") for n in range(int(count))))
