from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from prefline.config import BatchLimits, Endpoint, EngineParams, Prices
from prefline.errors import EndpointUnreachable, RequestRefused, SpendLimitReached
from prefline.llm import Engine, Outcome, Reply, ReplyStore, Request
from prefline.llm.batch import BatchFetcher
from prefline.llm.batch.api import BatchState, OpenAIBatches
from prefline.llm.budget import Budget
from prefline.simulator import Batching, SimulatedServer, SimulatorConfig
from tests.forked import run_python, start_python
from tests.prefline.llm.requests import ask
from tests.simulated import threaded_server

PRICES = Prices(input=1.0, output=10.0)
ROOT = Path(__file__).parents[4]
SCRIPT = ("-m", "tests.prefline.llm.batch.run_batches")


def by_batch(server: SimulatedServer, size: int = 50_000, model: str = "sim-strong") -> Endpoint:
    limits = BatchLimits(max_requests=size, poll_s=0.02)
    return Endpoint(
        base_url=server.base_url, model=model, mode="batch", prices=PRICES, batch=limits
    )


def run(
    endpoint: Endpoint,
    folder: Path,
    requests: list[Request],
    params: EngineParams | None = None,
) -> tuple[list[Outcome], float]:
    """The outcomes, and what was spent."""
    params = params or EngineParams(max_back_off_s=0.05)
    with (
        ReplyStore(folder / "replies.db") as store,
        Engine([endpoint], params, store, batches=folder / "batches") as engine,
    ):
        return list(engine.answer(requests)), engine.budget.spent_usd


def texts(outcomes: list[Outcome]) -> list[str]:
    assert all(isinstance(outcome, Reply) for outcome in outcomes)
    return [outcome.text for outcome in outcomes if isinstance(outcome, Reply)]


def prompts(count: int) -> list[Request]:
    return [ask(f"prompt {n}") for n in range(count)]


@pytest.fixture(scope="module")
def server() -> Iterator[SimulatedServer]:
    with threaded_server(SimulatorConfig(batch=Batching(latency_ms=100))) as running:
        yield running


def test_a_batch_brings_the_same_replies_as_live_calls_at_half_the_price(
    server: SimulatedServer, tmp_path: Path
) -> None:
    live = by_batch(server).model_copy(update={"mode": "live"})
    one_by_one, full_price = run(live, tmp_path / "live", prompts(120))
    before = server.stats()
    batched, half_price = run(by_batch(server, 50), tmp_path / "batch", prompts(120))
    after = server.stats()

    assert texts(batched) == texts(one_by_one)
    assert half_price == pytest.approx(full_price / 2)
    assert sum(o.cost_usd for o in batched if isinstance(o, Reply)) == pytest.approx(half_price)
    assert not any(o.cached for o in batched if isinstance(o, Reply))
    assert after.in_batches - before.in_batches == after.requests - before.requests == 120
    assert not list((tmp_path / "batch" / "batches").iterdir())


def test_what_a_batch_brought_is_not_asked_again_and_keeps_its_price(
    server: SimulatedServer, tmp_path: Path
) -> None:
    first, _ = run(by_batch(server), tmp_path, prompts(20))
    before = server.stats().requests
    again, spent = run(by_batch(server), tmp_path, [*prompts(20), ask("one more")])

    assert server.stats().requests == before + 1
    assert [o.cost_usd for o in again[:20]] == [o.cost_usd for o in first]  # type: ignore[union-attr]
    assert 0 < spent < 0.001


@pytest.mark.parametrize(
    "batching",
    [
        pytest.param(Batching(line_failures=0.3), id="lines that failed"),
        pytest.param(Batching(expired_share=0.4), id="a batch that expired"),
    ],
)
def test_what_a_batch_did_not_bring_is_asked_over_the_ordinary_path(
    batching: Batching, tmp_path: Path
) -> None:
    with threaded_server(SimulatorConfig(batch=batching)) as server:
        outcomes, _ = run(by_batch(server), tmp_path, prompts(60))
        stats = server.stats()

    assert len(texts(outcomes)) == 60
    assert stats.answered == 60
    assert stats.duplicates == 0
    assert stats.requests > stats.in_batches > 0


def test_a_batch_that_is_refused_as_a_whole_stops_the_run_and_is_not_sent_one_by_one(
    tmp_path: Path,
) -> None:
    with threaded_server(SimulatorConfig(batch=Batching(fail=1.0))) as server:
        with pytest.raises(RequestRefused, match="refused the batch"):
            run(by_batch(server), tmp_path, prompts(30))

        assert server.stats().answered == 0


def test_a_batch_above_the_providers_limit_says_which_key_to_change(tmp_path: Path) -> None:
    with (
        threaded_server(SimulatorConfig(batch=Batching(max_lines=10))) as server,
        pytest.raises(RequestRefused, match=r"batch\.max_requests"),
    ):
        run(by_batch(server), tmp_path, prompts(30))


def test_a_provider_without_a_batch_api_is_one_clear_error(tmp_path: Path) -> None:
    gone = Endpoint(base_url="http://127.0.0.1:9/v1", model="m", mode="batch")

    with pytest.raises(EndpointUnreachable, match="mode: live"):
        run(gone, tmp_path, [ask("x", model="m")], EngineParams(max_tries=1))


def test_a_batch_that_could_pass_the_spend_limit_is_not_sent(
    server: SimulatedServer, tmp_path: Path
) -> None:
    before = server.stats().requests

    with pytest.raises(SpendLimitReached):
        run(by_batch(server), tmp_path, prompts(100), EngineParams(spend_limit_usd=0.001))

    assert server.stats().requests == before


def test_killed_at_any_moment_its_own_batches_are_found_again(tmp_path: Path) -> None:
    draw = random.Random(5)
    config = SimulatorConfig(batch=Batching(latency_ms=600))
    with threaded_server(config) as server:
        for _ in range(6):
            process = start_python(*SCRIPT, server.base_url, str(tmp_path), "90", "30", cwd=ROOT)
            began, batches = time.monotonic(), tmp_path / "batches"
            while not batches.exists() and time.monotonic() - began < 20:
                time.sleep(0.01)
            time.sleep(draw.uniform(0, 0.8))
            process.kill()
            process.communicate()
        outcomes, _ = run(by_batch(server, 30), tmp_path, prompts(90))
        stats = server.stats()

        assert len(texts(outcomes)) == 90
        assert stats.duplicates == 0
        assert stats.requests == stats.in_batches == 90


def test_two_processes_at_once_send_one_batch(tmp_path: Path) -> None:
    config = SimulatorConfig(batch=Batching(latency_ms=1_500))
    with threaded_server(config) as server, ThreadPoolExecutor(2) as threads:
        words = (*SCRIPT, server.base_url, str(tmp_path), "40", "50000")

        def start(delay_s: float) -> int:
            time.sleep(delay_s)
            return run_python(*words, cwd=ROOT).returncode

        assert list(threads.map(start, [0.0, 0.6])) == [0, 0]
        assert server.stats().duplicates == 0
        assert server.stats().answered == 40


def test_a_batch_that_was_refused_does_not_stand_for_the_one_of_the_next_run(
    tmp_path: Path,
) -> None:
    with threaded_server(SimulatorConfig(batch=Batching(fail=1.0))) as server:
        for _ in range(2):
            with pytest.raises(RequestRefused):
                run(by_batch(server), tmp_path, prompts(5))

        assert len(httpx.get(f"{server.base_url}/batches").json()["data"]) == 2


def test_a_line_that_comes_twice_is_paid_once(
    server: SimulatedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, paid = run(by_batch(server), tmp_path / "once", prompts(10))
    as_they_come = OpenAIBatches.lines

    async def twice(self: OpenAIBatches, file_id: str) -> AsyncIterator[bytes]:
        async for line in as_they_come(self, file_id):
            yield line
            yield line

    monkeypatch.setattr(OpenAIBatches, "lines", twice)
    _, spent = run(by_batch(server), tmp_path / "twice", prompts(10))

    assert spent == pytest.approx(paid)


def test_a_batch_that_cannot_be_seen_through_holds_no_money_back(
    server: SimulatedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def state(self: OpenAIBatches, batch_id: str) -> BatchState:
        raise RequestRefused("no", "none", endpoint="here")

    monkeypatch.setattr(OpenAIBatches, "state", state)
    budget = Budget(0.01)

    async def take_after_it(store: ReplyStore) -> None:
        fetcher = BatchFetcher(by_batch(server), EngineParams(), store, budget, tmp_path / "b")
        with pytest.raises(RequestRefused):
            await fetcher.fetch(prompts(20))
        await fetcher.close()
        await asyncio.wait_for(budget.acquire(0.0095), 5)

    with ReplyStore(tmp_path / "replies.db") as store, pytest.raises(SpendLimitReached):
        asyncio.run(take_after_it(store))


def test_batches_that_do_not_fit_the_spend_limit_together_are_not_sent_by_the_next_run(
    server: SimulatedServer, tmp_path: Path
) -> None:
    limits = BatchLimits(max_bytes=1_000, poll_s=0.02)
    endpoint = by_batch(server).model_copy(update={"batch": limits})
    before = server.stats().in_batches
    for _ in range(2):
        with pytest.raises(SpendLimitReached):
            run(endpoint, tmp_path, prompts(30), EngineParams(spend_limit_usd=0.003))

    assert server.stats().in_batches == before
