from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefline.config import BatchLimits, Endpoint, EngineParams
from prefline.llm import Engine, Failure, Outcome, Reply, ReplyStore, Request, Steps
from prefline.llm.conversation import Conversation
from prefline.simulator import Batching, SimulatedServer, SimulatorConfig
from tests.prefline.llm.requests import ask
from tests.simulated import threaded_server

QUICK = EngineParams(max_in_flight=16, max_back_off_s=0.05, timeout_s=2.0)


@pytest.fixture(scope="module")
def server() -> Iterator[SimulatedServer]:
    with threaded_server(SimulatorConfig(batch=Batching(latency_ms=50))) as running:
        yield running


def text_of(outcome: Outcome) -> str:
    assert isinstance(outcome, Reply), outcome
    return outcome.text


def chain(topic: str, length: int) -> Steps[list[str]]:
    """Let each request hold the whole reply to the one before it."""
    texts: list[str] = []
    for _ in range(length):
        outcome = yield ask(" / ".join([topic, *texts]))
        texts.append(text_of(outcome))
    return texts


def converse(endpoint: Endpoint, folder: Path, lengths: list[int]) -> tuple[list[list[str]], int]:
    """Return what the conversations return, and how many replies were bought."""
    with (
        ReplyStore(folder / "replies.db") as store,
        Engine([endpoint], QUICK, store, batches=folder / "batches") as engine,
    ):
        texts = list(engine.converse(chain(f"topic {n}", size) for n, size in enumerate(lengths)))
        return texts, engine.stats.done - engine.stats.cached


def endpoint_of(server: SimulatedServer, mode: str = "live", size: int = 7) -> Endpoint:
    limits = BatchLimits(max_requests=size, poll_s=0.02)
    return Endpoint.model_validate(
        {"base_url": server.base_url, "model": "sim-strong", "mode": mode, "batch": limits}
    )


LENGTHS = [3, 1, 0, 2, 5, 1, 1, 4, 0, 2, 3]


def test_conversations_end_in_their_order_whatever_their_length(
    server: SimulatedServer, tmp_path: Path
) -> None:
    texts, bought = converse(endpoint_of(server), tmp_path, LENGTHS)

    assert [len(text) for text in texts] == LENGTHS
    assert bought == sum(LENGTHS)


def test_conversations_run_beside_each_other(server: SimulatedServer, tmp_path: Path) -> None:
    most_in_flight = 0

    def watched(engine: Engine, topic: str) -> Steps[None]:
        nonlocal most_in_flight
        for step in range(4):
            yield ask(f"{topic}, step {step}")
            most_in_flight = max(most_in_flight, engine.in_flight)

    with (
        ReplyStore(tmp_path / "replies.db") as store,
        Engine([endpoint_of(server)], QUICK, store) as engine,
    ):
        list(engine.converse(watched(engine, f"beside {n}") for n in range(64)))

    assert most_in_flight > 1


def test_a_second_run_takes_every_step_from_the_store(
    server: SimulatedServer, tmp_path: Path
) -> None:
    first, _ = converse(endpoint_of(server), tmp_path, LENGTHS)
    again, bought = converse(endpoint_of(server), tmp_path, LENGTHS)

    assert again == first
    assert bought == 0


def test_in_batch_mode_every_step_goes_by_batch_and_says_the_same(
    server: SimulatedServer, tmp_path: Path
) -> None:
    live, _ = converse(endpoint_of(server), tmp_path / "live", LENGTHS)
    before = server.stats().in_batches
    batched, bought = converse(endpoint_of(server, "batch"), tmp_path / "batch", LENGTHS)

    assert batched == live
    assert bought == sum(LENGTHS)
    assert server.stats().in_batches - before == sum(LENGTHS)


def test_conversations_of_no_calls_need_no_endpoint(tmp_path: Path) -> None:
    with ReplyStore(tmp_path / "replies.db") as store, Engine([], QUICK, store) as engine:
        texts = list(engine.converse(chain("nothing", 0) for _ in range(5)))

    assert texts == [[]] * 5


def test_an_error_in_a_conversation_is_raised_to_the_reader(
    server: SimulatedServer, tmp_path: Path
) -> None:
    def broken() -> Steps[None]:
        yield ask("before the error")
        raise LookupError("this conversation knows no way on")

    with (
        ReplyStore(tmp_path / "replies.db") as store,
        Engine([endpoint_of(server)], QUICK, store) as engine,
        pytest.raises(LookupError, match="knows no way on"),
    ):
        list(engine.converse([broken()]))


@given(st.lists(st.text(max_size=5), max_size=6))
def test_a_conversation_asks_what_its_steps_yield_and_keeps_what_they_return(
    texts: list[str],
) -> None:
    def steps() -> Steps[list[str]]:
        tags = []
        for text in texts:
            outcome = yield ask(text)
            tags.append(outcome.request.tag)
        return tags

    conversation, asked = Conversation(steps()), []
    while conversation.request is not None:
        asked.append(conversation.request)
        conversation.send(_echo(conversation.request))

    assert [request.tag for request in asked] == conversation.result == texts


def _echo(request: Request) -> Outcome:
    return Failure(request, "echo", "")
