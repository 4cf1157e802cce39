from __future__ import annotations

import asyncio
import http.server
import threading
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefline.config import Endpoint, EngineParams
from prefline.config.endpoints import Prices
from prefline.config.environment import RUN
from prefline.errors import SpendLimitReached
from prefline.llm import Engine, ReplyStore
from prefline.llm.budget import Budget, current_run_id
from tests.prefline.llm.requests import ask

PRICE = 0.001


@given(
    calls=st.lists(st.tuples(st.floats(0, 1), st.booleans()), max_size=60),
    limit=st.floats(0, 0.01),
    earlier=st.floats(0, 0.01),
)
@settings(max_examples=100)  # money
def test_the_limit_is_never_passed_whatever_calls_cost(
    calls: list[tuple[float, bool]], limit: float, earlier: float
) -> None:
    budget = Budget(limit, earlier)
    for share, useful in calls:
        try:
            budget.reserve(PRICE)
        except SpendLimitReached:
            break
        budget.settle(PRICE, PRICE * share, useful=useful)

    assert budget.spent_usd <= max(0.0, limit - earlier) + 1e-12
    assert budget.wasted_usd <= budget.spent_usd + 1e-12


def test_calls_in_flight_count() -> None:
    budget = Budget(2.5 * PRICE)
    budget.reserve(PRICE)
    budget.reserve(PRICE)

    with pytest.raises(SpendLimitReached, match="run the same command again"):
        budget.reserve(PRICE)


def test_what_earlier_stages_of_the_run_spent_counts() -> None:
    budget = Budget(2.5 * PRICE, earlier_usd=2 * PRICE)

    with pytest.raises(SpendLimitReached, match="earlier stages"):
        budget.reserve(PRICE)


def test_a_run_that_the_pipeline_has_named_is_that_of_its_stages_whoever_started_their_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(RUN, "the pipeline's")

    assert current_run_id() == "the pipeline's"


def test_a_call_that_cost_nothing_gives_its_reservation_back() -> None:
    budget = Budget(1.5 * PRICE)
    for _ in range(10):
        budget.reserve(PRICE)
        budget.settle(PRICE, 0.0)

    assert budget.spent_usd == 0


def test_a_call_that_may_have_been_billed_counts_against_the_limit_and_is_no_spend() -> None:
    budget = Budget(1.5 * PRICE)
    budget.reserve(PRICE)
    budget.settle_unanswered(PRICE)

    assert budget.spent_usd == 0
    with pytest.raises(SpendLimitReached, match="whose cost nobody told"):
        budget.reserve(PRICE)


def test_a_call_waits_for_room_while_calls_under_way_may_leave_some() -> None:
    async def three_at_once() -> None:
        budget = Budget(2.5 * PRICE)
        await budget.acquire(PRICE)
        await budget.acquire(PRICE)
        third = asyncio.create_task(budget.acquire(PRICE))
        await asyncio.sleep(0)
        assert not third.done()
        budget.settle(PRICE, 0.4 * PRICE)
        await third
        budget.settle(PRICE, PRICE)
        budget.settle(PRICE, PRICE)
        with pytest.raises(SpendLimitReached):
            await budget.acquire(PRICE)

    asyncio.run(asyncio.wait_for(three_at_once(), 5))


@given(
    prices=st.lists(st.floats(0, 1), max_size=40),
    shares=st.lists(st.floats(0, 1), min_size=40, max_size=40),
    limit=st.floats(0, 10),
)
@settings(max_examples=100)  # money
def test_nobody_waits_for_ever_and_the_limit_holds(
    prices: list[float], shares: list[float], limit: float
) -> None:
    budget = Budget(limit)

    async def call(price: float, share: float) -> None:
        await budget.acquire(price)
        await asyncio.sleep(0)
        budget.settle(price, price * share)

    async def all_calls() -> None:
        calls = [call(price, share) for price, share in zip(prices, shares, strict=False)]
        ended = await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), 5)
        assert all(one is None or isinstance(one, SpendLimitReached) for one in ended), ended

    asyncio.run(all_calls())
    assert budget.spent_usd <= limit + 1e-9


@pytest.mark.parametrize("usage", [None, {"prompts": 3, "completions": 4}, {"prompt_tokens": -5}])
def test_a_server_that_states_no_usage_is_not_let_past_the_limit(
    usage: object, tmp_path: Path
) -> None:
    reply = {"choices": [{"message": {"content": "A"}, "finish_reason": "stop"}], "usage": usage}
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(404)

        def do_POST(self) -> None:
            asked.append(self.path)
            self.rfile.read(int(self.headers["Content-Length"]))
            body = orjson.dumps(reply)
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/v1"
        endpoint = Endpoint(base_url=url, model="m", prices=Prices(input=0, output=1e6))
        params = EngineParams(spend_limit_usd=10 * 20.0, max_in_flight=1)
        requests = [ask(f"prompt {n}", model="m") for n in range(40)]
        with (
            ReplyStore(tmp_path / "replies.db") as store,
            Engine((endpoint,), params, store) as engine,
            pytest.raises(SpendLimitReached),
        ):
            list(engine.answer(requests))
        server.shutdown()
    assert len(asked) <= 10
