"""Anthropic's message batches, against the simulator's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from prefline.config import Endpoint, EngineParams, Prices
from prefline.errors import EndpointDenied, Interrupted
from prefline.llm import Engine, Outcome, Reply, ReplyStore, Request
from prefline.llm.batch.messages import MessageBatches
from prefline.simulator import Batching, SimulatedServer, SimulatorConfig
from tests.prefline.llm.requests import ask
from tests.simulated import threaded_server

KEY = "PREFLINE_TEST_KEY"
PARAMS = EngineParams(max_in_flight=8, max_tries=3, max_back_off_s=0.05, timeout_s=10)


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY, "sk-ant")


def served(**batch: Any) -> SimulatorConfig:
    return SimulatorConfig(dialect="anthropic", key="sk-ant", batch=Batching(**batch))


def run(server: SimulatedServer, folder: Path, requests: list[Request]) -> list[Outcome]:
    endpoint = Endpoint(
        base_url=server.base_url, model="sim-strong", key_env=KEY, dialect="anthropic",
        mode="batch", batch={"poll_s": 0.05}, prices=Prices(input=1.0, output=1.0),
    )  # fmt: skip
    with (
        ReplyStore(folder / "replies.db") as store,
        Engine([endpoint], PARAMS, store, batches=folder / "batches") as engine,
    ):
        return list(engine.answer(requests))


def prompts() -> list[Request]:
    return [ask(f"batched {n}") for n in range(30)]


def test_a_batch_is_bought_at_its_price_and_once(tmp_path: Path) -> None:
    with threaded_server(served(latency_ms=100)) as server:
        first = run(server, tmp_path, prompts())
        second = run(server, tmp_path, prompts())

        assert server.stats().requests == server.stats().in_batches == 30
    replies = [outcome for outcome in first if isinstance(outcome, Reply)]
    assert len(replies) == 30
    assert replies[0].cost_usd == pytest.approx(replies[0].usage.total / 1e6 / 2)
    assert [r.text for r in replies] == [o.text for o in second if isinstance(o, Reply)]


def test_what_a_batch_did_not_bring_is_asked_one_by_one(tmp_path: Path) -> None:
    with threaded_server(served(line_failures=0.3)) as server:
        outcomes = run(server, tmp_path, prompts())
        stats = server.stats()

    assert all(isinstance(outcome, Reply) for outcome in outcomes)
    assert stats.duplicates == 0
    assert 0 < stats.requests - stats.in_batches < 20


def test_a_batch_that_was_sent_and_not_noted_is_found_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = MessageBatches.send

    async def send_and_die(self: MessageBatches, path: Path, identity: str) -> str:
        await send(self, path, identity)
        raise Interrupted("the run ended here", "run it again")

    with threaded_server(served(latency_ms=50)) as server:
        with monkeypatch.context() as patched:
            patched.setattr(MessageBatches, "send", send_and_die)
            with pytest.raises(Interrupted):
                run(server, tmp_path, prompts())
        outcomes = run(server, tmp_path, prompts())

        assert server.stats().requests == server.stats().in_batches == 30
        assert server.stats().duplicates == 0
    assert all(isinstance(outcome, Reply) for outcome in outcomes)


def test_a_wrong_key_stops_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY, "sk-wrong")
    with (
        threaded_server(served()) as server,
        pytest.raises(EndpointDenied, match="refuses the key"),
    ):
        run(server, tmp_path, prompts())
