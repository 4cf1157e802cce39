"""Asks a URL for replies while the clock of the day jumps: `URL FOLDER YEARS`."""

from __future__ import annotations

import datetime as dt
import itertools
import sys
import time
from pathlib import Path

from prefline.config import Endpoint, EngineParams
from prefline.llm import Engine, Reply, ReplyStore, parsing
from tests.prefline.llm.requests import ask

_YEAR_S = 365 * 86_400


def jump(years: int) -> None:
    """From here on every other look at the clock is `years` off, and the one between is not."""
    real_s, real_ns, turn = time.time, time.time_ns, itertools.count()

    def off_s() -> int:
        return years * _YEAR_S * (next(turn) % 2)

    class Jumping(dt.datetime):
        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> Jumping:
            return cls.fromtimestamp(real_s() + off_s(), tz)

    time.time = lambda: real_s() + off_s()
    time.time_ns = lambda: real_ns() + off_s() * 10**9
    parsing.datetime = Jumping  # type: ignore[misc]


if __name__ == "__main__":
    url, folder, years = sys.argv[1:]
    jump(int(years))
    params = EngineParams(max_in_flight=8, max_tries=20, max_back_off_s=0.1, timeout_s=5)
    endpoint = Endpoint(base_url=url, model="sim-strong")
    with (
        ReplyStore(Path(folder) / "replies.db") as store,
        Engine([endpoint], params, store) as engine,
    ):
        outcomes = list(engine.answer(ask(str(number)) for number in range(60)))
    print(sum(isinstance(outcome, Reply) for outcome in outcomes))  # noqa: T201
