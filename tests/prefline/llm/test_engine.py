from __future__ import annotations

import asyncio
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from prefline.config import Endpoint, EngineParams, Prices
from prefline.errors import EndpointDenied, EndpointUnreachable, ModelUnknown, SpendLimitReached
from prefline.llm import Engine, Failure, Outcome, Reply, ReplyStore, Request
from prefline.simulator import Latency, SimulatedServer, SimulatorConfig
from tests.forked import ForkedProcess, start_python
from tests.prefline.llm.requests import ask
from tests.simulated import threaded_server

QUICK = EngineParams(max_in_flight=16, max_back_off_s=0.05, timeout_s=2.0)


@pytest.fixture(scope="module")
def server() -> Iterator[SimulatedServer]:
    with threaded_server() as running:
        yield running


def run(
    endpoint: Endpoint, folder: Path, requests: list[Request], params: EngineParams = QUICK
) -> list[Outcome]:
    with ReplyStore(folder / "replies.db") as store, Engine([endpoint], params, store) as engine:
        return list(engine.answer(requests))


def endpoint_of(server: SimulatedServer, model: str = "sim-strong") -> Endpoint:
    return Endpoint(base_url=server.base_url, model=model)


def test_outcomes_come_in_the_order_of_their_requests(
    server: SimulatedServer, tmp_path: Path
) -> None:
    outcomes = run(endpoint_of(server), tmp_path, [ask(f"order {n}") for n in range(200)])

    assert [outcome.request.tag for outcome in outcomes] == [f"order {n}" for n in range(200)]
    assert all(isinstance(outcome, Reply) for outcome in outcomes)


def test_a_second_run_calls_no_model(server: SimulatedServer, tmp_path: Path) -> None:
    requests = [ask(f"second {n}") for n in range(50)]
    first = run(endpoint_of(server), tmp_path, requests)
    seen = server.stats().requests
    second = run(endpoint_of(server), tmp_path, requests)

    assert server.stats().requests == seen
    assert [o.text for o in first if isinstance(o, Reply)] == [
        o.text for o in second if isinstance(o, Reply) and o.cached
    ]


def test_a_stored_run_needs_no_endpoint_at_all(server: SimulatedServer, tmp_path: Path) -> None:
    run(endpoint_of(server), tmp_path, [ask("kept")])
    gone = Endpoint(base_url="http://127.0.0.1:9/v1", model="sim-strong")

    (outcome,) = run(gone, tmp_path, [ask("kept")])

    assert isinstance(outcome, Reply)


def test_a_request_that_is_asked_twice_at_once_is_sent_once(
    server: SimulatedServer, tmp_path: Path
) -> None:
    seen = server.stats().requests
    outcomes = run(endpoint_of(server), tmp_path, [ask("twin")] * 20)

    assert server.stats().requests == seen + 1
    assert len({o.text for o in outcomes if isinstance(o, Reply)}) == 1


FAULTS = ["500", "503", "429", "408", "409", "reset", "html200", "truncated_json",
          "empty_choices", "null_content"]  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_passing_fault_is_retried_until_the_reply_comes(fault: str, tmp_path: Path) -> None:
    config = SimulatorConfig(faults={fault: 0.3}, fault_retry_after_s=0.01)
    params = QUICK.model_copy(update={"max_tries": 30})
    with threaded_server(config) as server:
        outcomes = run(endpoint_of(server), tmp_path, [ask(str(n)) for n in range(40)], params)

        assert all(isinstance(outcome, Reply) for outcome in outcomes)
        assert server.stats().requests > 40


def test_a_server_that_never_answers_ends_as_a_named_failure(tmp_path: Path) -> None:
    params = EngineParams(max_tries=2, timeout_s=0.3, max_back_off_s=0.01)
    with threaded_server(SimulatorConfig(faults={"hang": 1.0})) as server:
        (outcome,) = run(endpoint_of(server), tmp_path, [ask("hello")], params)

    assert isinstance(outcome, Failure)
    assert outcome.reason == "timeout"


def test_what_failed_is_not_stored_and_is_tried_again_by_the_next_run(tmp_path: Path) -> None:
    params = EngineParams(max_tries=2, max_back_off_s=0.01)
    with threaded_server(SimulatorConfig(faults={"500": 1.0})) as broken:
        (failed,) = run(endpoint_of(broken), tmp_path, [ask("hello")], params)
    with threaded_server() as mended:
        (answered,) = run(endpoint_of(mended), tmp_path, [ask("hello")], params)

    assert isinstance(failed, Failure)
    assert failed.reason == "http_500"
    assert isinstance(answered, Reply)


def test_no_network_to_the_endpoint_is_one_clear_error(tmp_path: Path) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        nobody = Endpoint(base_url=f"http://127.0.0.1:{held.getsockname()[1]}/v1", model="m")

        with pytest.raises(EndpointUnreachable, match="prefline doctor"):
            run(nobody, tmp_path, [ask("hello", model="m")])


def test_a_wrong_key_stops_at_once_and_names_the_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFLINE_TEST_KEY", "wrong")
    with threaded_server(SimulatorConfig(key="right")) as server:
        endpoint = Endpoint(
            base_url=server.base_url, model="sim-strong", key_env="PREFLINE_TEST_KEY"
        )
        with pytest.raises(EndpointDenied, match="PREFLINE_TEST_KEY"):
            run(endpoint, tmp_path, [ask(str(n)) for n in range(1_000)])

        assert server.stats().requests <= QUICK.max_in_flight


def test_a_key_that_is_not_set_is_said_before_any_call(
    server: SimulatedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PREFLINE_TEST_KEY", raising=False)
    endpoint = Endpoint(base_url=server.base_url, model="sim-strong", key_env="PREFLINE_TEST_KEY")

    with pytest.raises(EndpointDenied, match="is not set"):
        run(endpoint, tmp_path, [ask("unset")])


def test_an_unknown_model_stops_at_once(server: SimulatedServer, tmp_path: Path) -> None:
    requests = [ask(str(n), model="no-such-model") for n in range(1_000)]
    seen = server.stats().requests

    with pytest.raises(ModelUnknown, match="no-such-model"):
        run(endpoint_of(server, "no-such-model"), tmp_path, requests)

    assert server.stats().requests - seen <= QUICK.max_in_flight


def test_the_spend_limit_stops_before_it_is_passed_and_the_next_run_goes_on(
    tmp_path: Path,
) -> None:
    prices = Prices(input=0.0, output=1.0)  # 20 tokens at most: 0.00002 USD a call
    requests = [ask(str(n)) for n in range(100)]
    limited = QUICK.model_copy(update={"spend_limit_usd": 0.0005})
    with threaded_server(SimulatorConfig(latency=Latency(ms=5))) as server:
        endpoint = Endpoint(base_url=server.base_url, model="sim-strong", prices=prices)
        with pytest.raises(SpendLimitReached):
            run(endpoint, tmp_path, requests, limited)
        with ReplyStore(tmp_path / "replies.db") as store:
            kept = len(store)
        outcomes = run(endpoint, tmp_path, requests)

        assert 0 < kept <= 25
        assert sum(o.cached for o in outcomes if isinstance(o, Reply)) == kept
        assert server.stats().requests == 100


def test_killed_at_any_moment_no_stored_reply_is_asked_for_again(tmp_path: Path) -> None:
    config = SimulatorConfig(latency=Latency(ms=10))
    requests = [ask(str(n)) for n in range(300)]
    script = Path(__file__).parent / "run_requests.py"
    with threaded_server(config) as server:
        for wait_s in (0.1, 0.2, 0.3):
            child = start_python(
                str(script), server.base_url, str(tmp_path / "killed"), "300", cwd=tmp_path
            )
            time.sleep(wait_s)
            child.kill()
            child.communicate()
        with ReplyStore(tmp_path / "killed" / "replies.db") as store:
            stored = {request.key for request in requests if request.key in store}
        before = server.stats().requests
        resumed = run(endpoint_of(server), tmp_path / "killed", requests)

        assert server.stats().requests - before == 300 - len(stored)
        undisturbed = run(endpoint_of(server), tmp_path / "other", requests)
        assert [o.text for o in resumed if isinstance(o, Reply)] == [
            o.text for o in undisturbed if isinstance(o, Reply)
        ]


def ended(child: ForkedProcess) -> int | None:
    child.communicate()
    return child.returncode


def test_three_processes_at_once_on_one_store_buy_every_reply_once_though_one_is_killed(
    tmp_path: Path,
) -> None:
    script = Path(__file__).parent / "run_requests.py"
    with threaded_server(SimulatorConfig(latency=Latency(ms=20))) as server:
        words = (str(script), server.base_url, str(tmp_path), "120")
        killed, *others = [start_python(*words, cwd=tmp_path) for _ in range(3)]
        while server.stats().requests < 40:
            time.sleep(0.005)
        killed.kill()
        assert [ended(child) for child in (killed, *others)] == [-signal.SIGKILL, 0, 0]
        asked = server.stats().requests

    with ReplyStore(tmp_path / "replies.db", read_only=True) as store:
        assert len(store) == 120
    # Of the killed one up to four calls were in flight, and as many replies not on the disk yet.
    assert 120 <= asked <= 128


def test_an_error_behind_which_thousands_of_stored_replies_wait_is_raised(
    server: SimulatedServer, tmp_path: Path
) -> None:
    count = 2_400  # more than may be done before their turn
    run(endpoint_of(server), tmp_path, [ask(f"behind {n}") for n in range(1, count)])
    gone = Endpoint(base_url="http://127.0.0.1:9/v1", model="sim-strong")
    requests = [ask(f"behind {n}") for n in range(count)]
    raised: list[Exception] = []

    def read() -> None:
        try:
            run(gone, tmp_path, requests)
        except EndpointUnreachable as error:
            raised.append(error)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    reader.join(20)

    assert len(raised) == 1


def test_calls_of_one_model_that_fail_together_do_not_keep_the_others_from_theirs(
    server: SimulatedServer, tmp_path: Path
) -> None:
    gone = Endpoint(base_url="http://127.0.0.1:9/v1", model="gone")
    requests = [
        ask(f"both {n}", model=model) for n in range(100) for model in ("gone", "sim-strong")
    ]
    read: list[Outcome] = []
    with (
        ReplyStore(tmp_path / "replies.db") as store,
        Engine([gone, endpoint_of(server)], QUICK, store) as engine,
        pytest.raises(EndpointUnreachable),
    ):
        read.extend(engine.answer(requests))

    assert sum(isinstance(outcome, Reply) for outcome in read) == 100


def test_a_single_call_finds_the_replica_that_is_up(
    server: SimulatedServer, tmp_path: Path
) -> None:
    gone = "http://127.0.0.1:9/v1"
    endpoint = Endpoint(base_url=gone, replicas=(server.base_url,), model="sim-strong")

    assert isinstance(run(endpoint, tmp_path, [ask("up")])[0], Reply)


def test_a_replica_that_is_gone_fails_records_and_not_the_run_while_another_answers(
    server: SimulatedServer, tmp_path: Path
) -> None:
    gone = "http://127.0.0.1:9/v1"
    endpoint = Endpoint(base_url=server.base_url, replicas=(gone,), model="sim-strong")
    once = QUICK.model_copy(update={"max_tries": 1, "max_in_flight": 4})
    outcomes = run(endpoint, tmp_path, [ask(f"mixed {n}") for n in range(200)], once)

    assert 0 < sum(isinstance(outcome, Failure) for outcome in outcomes) < 30


def test_a_stored_reply_that_cannot_be_used_is_told_and_bought_again_instead_of_crashing(
    server: SimulatedServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    request = ask("unusable")
    with ReplyStore(tmp_path / "replies.db") as store:
        asyncio.run(store.put(request.key, request.encoded, b'{"choices":[7]}'))
    (first,) = run(endpoint_of(server), tmp_path, [request])
    (second,) = run(endpoint_of(server), tmp_path, [request])

    assert isinstance(first, Reply)
    assert isinstance(second, Reply)
    assert (first.cached, second.cached) == (False, True)
    assert first.text == second.text
    assert sum(request.key in record.message for record in caplog.records) == 1
