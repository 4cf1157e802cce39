"""Runs N requests against a URL with a reply store: something for a test to kill."""

from __future__ import annotations

import sys
from pathlib import Path

from prefline.config import Endpoint, EngineParams
from prefline.llm import Engine, ReplyStore, Request, Sampling
from prefline.tables.messages import Message

if __name__ == "__main__":
    url, folder, count = sys.argv[1:]
    requests = [
        Request(
            model="sim-strong",
            messages=(Message(role="user", content=str(number)),),
            sampling=Sampling(temperature=0.8, top_p=1.0, max_tokens=20, seed=0),
            tag=str(number),
        )
        for number in range(int(count))
    ]
    endpoint = Endpoint(base_url=url, model="sim-strong")
    params = EngineParams(max_in_flight=4)
    with (
        ReplyStore(Path(folder) / "replies.db") as store,
        Engine([endpoint], params, store) as engine,
    ):
        list(engine.answer(requests))
