"""The file that tells how far a stage is."""

from __future__ import annotations

import os
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from prefline.config import Endpoint, EngineParams
from prefline.errors import SpendLimitReached
from prefline.llm import Engine, ReplyStore
from prefline.llm import run_status as module
from prefline.llm.run_status import StatusWriter, read_statuses
from prefline.simulator import SimulatorConfig
from tests.prefline.llm.requests import ask
from tests.simulated import threaded_server

MODEL = "sim-strong"
PARAMS = EngineParams(max_in_flight=8, max_tries=30, max_back_off_s=0.02, spend_limit_usd=5.0)


def writer_of(folder: Path, engine: Any, total: int = 40) -> StatusWriter:
    return StatusWriter(folder, "judge", SimpleNamespace(expected=total), engine)


def test_it_tells_calls_retries_by_reason_failures_with_an_example_and_money(
    tmp_path: Path,
) -> None:
    config = SimulatorConfig(faults={"502": 0.3})
    with threaded_server(config) as server, ReplyStore(tmp_path / "replies.db") as store:
        endpoint = Endpoint(base_url=server.base_url, model=MODEL)
        with Engine([endpoint], PARAMS, store) as engine, writer_of(tmp_path, engine) as writer:
            list(engine.answer([ask(f"{n}", model=MODEL) for n in range(40)]))
            engine.stats.failures[MODEL, "timeout"] += 2
            engine.stats.details[MODEL, "timeout"] = "no answer in 5 s"
            status = writer.status()

    assert (status["done"], status["total"], status["in_flight"]) == (40, 40, 0)
    assert status["tokens"] > 0
    assert status["limit_usd"] == 5.0
    (retry,) = status["retries"]
    assert retry["n"] > 0
    assert "502" in retry["reason"]
    assert status["failures"] == [
        {"model": MODEL, "reason": "timeout", "n": 2, "example": "no answer in 5 s"}
    ]
    told = read_statuses(tmp_path)["judge"]
    assert told["ended"] == "done"
    assert not told["running"]


class Idle:
    """An engine that does nothing."""

    def __init__(self) -> None:
        from prefline.llm.budget import Budget
        from prefline.llm.outcome import CallStats

        self.stats = CallStats()
        self.budget = Budget(None)
        self.in_flight = 0
        self.retries: dict[tuple[str, str], int] = {}

    def batch_status(self) -> list[str]:
        return []


def test_it_is_there_from_the_beginning_and_says_how_it_ended(tmp_path: Path) -> None:
    def run() -> None:
        with writer_of(tmp_path, Idle()):
            assert read_statuses(tmp_path)["judge"]["running"]
            raise SpendLimitReached("too much", "spend less")

    with pytest.raises(SpendLimitReached):
        run()
    told = read_statuses(tmp_path)["judge"]
    assert told["ended"] == "stopped: too much"
    assert not told["running"]


def test_one_whose_process_is_gone_does_not_run(tmp_path: Path) -> None:
    writer_of(tmp_path, Idle()).__enter__().__exit__(None, None, None)
    path = tmp_path / "judge.json"
    gone = orjson.loads(path.read_bytes()) | {"ended": None, "process": 2**22 + 1}
    path.write_bytes(orjson.dumps(gone))
    assert not read_statuses(tmp_path)["judge"]["running"]
    path.write_bytes(b"{half")
    assert read_statuses(tmp_path) == {}


def test_calls_a_second_are_of_the_last_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr(module.time, "time", lambda: now[0])
    engine = Idle()
    writer = writer_of(tmp_path, engine)
    rates = []
    for done in (0, 100, 200, 200, 200, 200):
        engine.stats.done = done
        rates.append(writer.status()["per_second"])
        now[0] += 10
    assert rates == [0, 10, 10, 5, 0, 0]


def test_a_folder_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "status").write_text("no folder")
    with writer_of(tmp_path / "status", Idle()):
        pass


def test_it_takes_less_than_a_hundredth_of_the_time(tmp_path: Path) -> None:
    writer = writer_of(tmp_path, Idle())
    began = time.process_time()
    for _ in range(50):
        writer._write()
    assert (time.process_time() - began) / 50 < 0.01 * module.EVERY_S
    assert os.listdir(tmp_path) == ["judge.json"]  # noqa: PTH208
