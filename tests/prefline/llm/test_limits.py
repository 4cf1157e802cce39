"""The engine's limits against a server that has limits of its own."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from prefline.config import Endpoint, EngineParams, RateLimits
from prefline.llm import Engine, Outcome, Reply, ReplyStore, Request
from prefline.simulator import (
    Latency,
    Limits,
    SimulatedServer,
    SimulatorConfig,
    Stats,
)
from tests.loopback import Answered, Asked, completion, loopback_server, refusal
from tests.prefline.llm.requests import ask
from tests.simulated import threaded_server


def run(
    server: SimulatedServer, folder: Path, count: int, **limits: float
) -> tuple[list[Outcome], Stats, float]:
    """The outcomes, what the server saw, and the seconds that it took."""
    endpoint = Endpoint(
        base_url=server.base_url, model="sim-strong", limits=RateLimits.model_validate(limits)
    )
    requests: list[Request] = [ask(f"prompt {n}") for n in range(count)]
    params = EngineParams(max_in_flight=256, max_back_off_s=0.2)
    with ReplyStore(folder / "replies.db") as store, Engine([endpoint], params, store) as engine:
        began = time.monotonic()
        outcomes = list(engine.answer(requests))
        return outcomes, server.stats(), time.monotonic() - began


def answered(outcomes: list[Outcome]) -> int:
    return sum(isinstance(outcome, Reply) for outcome in outcomes)


def test_a_server_that_says_when_to_return_is_obeyed_and_every_call_answered(
    tmp_path: Path,
) -> None:
    # 50 a second, and a burst of as many.
    limited = SimulatorConfig(limits=Limits(requests_per_minute=3_000))
    with threaded_server(limited) as server:
        outcomes, stats, seconds = run(server, tmp_path, 200)

    assert answered(outcomes) == 200
    assert seconds >= (200 - 50) / 50 - 0.1
    assert stats.by_status["429"] < 3 * 200  # it is told where the limit is by meeting it


@pytest.mark.parametrize("style", ["seconds", "milliseconds", "date", "none"])
def test_it_does_not_matter_how_the_server_says_it(style: str, tmp_path: Path) -> None:
    limited = SimulatorConfig(limits=Limits(requests_per_minute=3_000), retry_after=style)  # type: ignore[arg-type]
    with threaded_server(limited) as server:
        outcomes, _, _ = run(server, tmp_path, 70)

    assert answered(outcomes) == 70


def test_while_a_server_refuses_every_call_the_calls_back_off_together(tmp_path: Path) -> None:
    refused, began = 0, time.monotonic()

    def answer(asked: Asked) -> Answered:
        nonlocal refused
        if time.monotonic() > began + 0.5:
            return completion("hi")
        refused += 1
        return refusal(429, "slow down")

    with loopback_server(answer) as url:
        endpoint = Endpoint(base_url=url, model="sim-strong")
        params = EngineParams(max_in_flight=8, max_back_off_s=0.2)
        with (
            ReplyStore(tmp_path / "replies.db") as store,
            Engine([endpoint], params, store) as engine,
        ):
            outcomes = list(engine.answer([ask(f"prompt {n}") for n in range(120)]))

    assert answered(outcomes) == 120
    assert refused < 60, "not one for each call"


def test_rates_that_params_state_are_kept_so_that_the_server_need_not_object(
    tmp_path: Path,
) -> None:
    limited = SimulatorConfig(limits=Limits(requests_per_minute=3_000, burst_s=2.0))
    with threaded_server(limited) as server:
        outcomes, stats, seconds = run(server, tmp_path, 150, requests_per_minute=3_000)

    assert answered(outcomes) == 150
    assert stats.by_status == {"200": 150}
    assert seconds >= (150 - 50) / 50 - 0.1


def test_tokens_a_minute_are_estimated_before_a_call_and_settled_after_it(tmp_path: Path) -> None:
    # About 30 tokens are estimated for a call and about 22 are used: after a burst of a second's
    # worth, at 600 a second, the time that it takes is that of what was used.
    with threaded_server() as server:
        outcomes, stats, seconds = run(server, tmp_path, 90, tokens_per_minute=36_000)

    used = stats.prompt_tokens + stats.completion_tokens
    assert answered(outcomes) == 90
    assert seconds >= (used - 600 - 40 * 30) / 600 - 0.1


def test_a_server_that_keeps_up_gets_all_that_is_allowed(tmp_path: Path) -> None:
    # So few calls a second that a busy machine does not make the server look slow.
    with threaded_server(SimulatorConfig(latency=Latency(ms=400))) as server:
        _, stats, _ = run(server, tmp_path, 500, max_in_flight=64)

    assert stats.peak_in_flight == 64


def test_params_may_allow_one_endpoint_less_than_the_others(tmp_path: Path) -> None:
    with threaded_server(SimulatorConfig(latency=Latency(ms=20))) as server:
        _, stats, _ = run(server, tmp_path, 100, max_in_flight=3)

    assert stats.peak_in_flight == 3
