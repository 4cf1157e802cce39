"""The fast mode, and the usage that replies tell of."""

from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulate_client import Client, prompt

from prefline.simulator import SimulatorConfig, simulated_server
from prefline.simulator.seen import AllBodies, StruckBodies


def test_a_fast_server_gives_the_same_replies_and_counts_requests_only(client: Client) -> None:
    with (
        simulated_server(SimulatorConfig(fast=True)) as server,
        closing(Client(server)) as fast,
    ):
        assert fast.chat(prompt("x")).raw == client.chat(prompt("x")).raw
        fast.chat(prompt("x"))
        fast.chat(prompt("x", "nope"))
        stats = server.stats()
        assert server.log() == []
    assert (stats.requests, stats.answered, stats.in_flight) == (3, 2, 0)
    assert stats.by_status == {"200": 2, "404": 1}
    # Not 0: a test that counts duplicates must not pass for lack of a count.
    assert (stats.distinct, stats.repeats, stats.duplicates) == (None, None, None)


def test_a_retry_on_a_fast_server_meets_the_faults_that_it_would_meet_on_another() -> None:
    config = SimulatorConfig(faults={"500": 0.5})
    bodies = [prompt(f"Question {number}") for number in range(20)]

    def met(fast: bool) -> list[list[int]]:
        with (
            simulated_server(config.model_copy(update={"fast": fast})) as server,
            closing(Client(server)) as client,
        ):
            return [attempts(client, body) for body in bodies]

    assert met(fast=True) == met(fast=False)


def attempts(client: Client, body: object) -> list[int]:
    statuses = [client.chat(body).status]
    while statuses[-1] != 200:
        statuses.append(client.chat(body).status)
    return statuses


def test_fast_and_a_log_file_exclude_each_other() -> None:
    with pytest.raises(ValueError, match="leave out log or fast"):
        SimulatorConfig(fast=True, log="requests.jsonl")


@given(st.lists(st.integers(0, 50), max_size=200))
def test_struck_bodies_stay_within_their_bound(bodies: list[int]) -> None:
    seen = StruckBodies(most=7)
    for body in bodies:
        seen.strike(body)
    assert len(seen) <= 7


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=40))
def test_all_bodies_count_sights_and_remember_answers(steps: list[tuple[int, bool]]) -> None:
    seen, sights, answers = AllBodies(), dict.fromkeys(range(4), 0), set[int]()
    for body, fine in steps:
        assert seen.sight(body) == sights[body]
        assert seen.history(body) == (sights[body], body in answers)
        sights[body] += 1
        if fine:
            seen.answer(body)
            answers.add(body)


def test_usage_tells_of_cached_and_reasoning_tokens_where_configured() -> None:
    config = SimulatorConfig(cached_share=0.5, reasoning_tokens=7)
    with simulated_server(config) as server, closing(Client(server)) as client:
        usage = client.chat(prompt("one two three", max_tokens=4, n=2)).json["usage"]
        stats = server.stats()
    assert usage == {
        "prompt_tokens": 3,
        "completion_tokens": 22,
        "total_tokens": 25,
        "prompt_tokens_details": {"cached_tokens": 1},
        "completion_tokens_details": {"reasoning_tokens": 14},
    }
    assert stats.completion_tokens == 22
