from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefline.config import BatchLimits, Endpoint, EngineParams
from prefline.llm import Engine, Failure, Outcome, Reply, ReplyStore, Request, Steps
from prefline.llm.dialogue import Dialogue
from prefline.llm.engine import Backing
from prefline.simulator import Batching, SimulatedServer, SimulatorConfig, simulated_server
from tests.prefline.llm.requests import ask

QUICK = EngineParams(max_in_flight=16, max_back_off_s=0.05, timeout_s=2.0)


@pytest.fixture(scope="module")
def server() -> Iterator[SimulatedServer]:
    with simulated_server(SimulatorConfig(batch=Batching(latency_ms=50))) as running:
        yield running


def text_of(outcome: Outcome) -> str:
    assert isinstance(outcome, Reply), outcome
    return outcome.text


def chain(topic: str, length: int) -> Steps[list[str]]:
    """Each request holds the whole reply to the one before it."""
    said: list[str] = []
    for _ in range(length):
        outcome = yield ask(" / ".join([topic, *said]))
        said.append(text_of(outcome))
    return said


def converse(endpoint: Endpoint, folder: Path, lengths: list[int]) -> tuple[list[list[str]], int]:
    """What the dialogues return, and how many replies were bought."""
    backing = Backing(batches=folder / "batches")
    with ReplyStore(folder / "replies") as store, Engine([endpoint], QUICK, store, backing) as one:
        said = list(one.converse(chain(f"topic {n}", size) for n, size in enumerate(lengths)))
        return said, one.tally.done - one.tally.cached


def endpoint_of(server: SimulatedServer, mode: str = "live", size: int = 7) -> Endpoint:
    limits = BatchLimits(max_requests=size, poll_s=0.02)
    return Endpoint.model_validate(
        {"base_url": server.base_url, "model": "sim-strong", "mode": mode, "batch": limits}
    )


LENGTHS = [3, 1, 0, 2, 5, 1, 1, 4, 0, 2, 3]


def test_dialogues_end_in_their_order_whatever_their_length(
    server: SimulatedServer, tmp_path: Path
) -> None:
    said, bought = converse(endpoint_of(server), tmp_path, LENGTHS)

    assert [len(one) for one in said] == LENGTHS
    assert bought == sum(LENGTHS)


def test_dialogues_run_beside_each_other(server: SimulatedServer, tmp_path: Path) -> None:
    most = 0

    def watched(one: Engine, topic: str) -> Steps[None]:
        nonlocal most
        for step in range(4):
            yield ask(f"{topic}, step {step}")
            most = max(most, one.in_flight)

    with ReplyStore(tmp_path) as store, Engine([endpoint_of(server)], QUICK, store) as engine:
        list(engine.converse(watched(engine, f"beside {n}") for n in range(64)))

    assert most > 1


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


def test_dialogues_of_no_calls_need_no_endpoint(tmp_path: Path) -> None:
    with ReplyStore(tmp_path) as store, Engine([], QUICK, store) as engine:
        said = list(engine.converse(chain("nothing", 0) for _ in range(5)))

    assert said == [[]] * 5


def test_an_error_in_a_dialogue_is_raised_to_the_reader(
    server: SimulatedServer, tmp_path: Path
) -> None:
    def broken() -> Steps[None]:
        yield ask("before the error")
        raise LookupError("this dialogue knows no way on")

    with (
        ReplyStore(tmp_path) as store,
        Engine([endpoint_of(server)], QUICK, store) as engine,
        pytest.raises(LookupError, match="knows no way on"),
    ):
        list(engine.converse([broken()]))


@given(st.lists(st.text(max_size=5), max_size=6))
def test_a_dialogue_asks_what_its_steps_yield_and_keeps_what_they_return(texts: list[str]) -> None:
    def steps() -> Steps[list[str]]:
        heard = []
        for text in texts:
            outcome = yield ask(text)
            heard.append(outcome.request.tag)
        return heard

    dialogue, asked = Dialogue(steps()), []
    while dialogue.request is not None:
        asked.append(dialogue.request)
        dialogue.hear(_echo(dialogue.request))

    assert [request.tag for request in asked] == dialogue.result == texts


def _echo(request: Request) -> Outcome:
    return Failure(request, "echo", "")
