"""The request log and its counts, with and without the fast mode."""

from contextlib import closing
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefline.simulator import SimulatorConfig
from prefline.simulator.journal import AllBodies, FailedBodies
from tests.prefline.simulator.client import Client, prompt
from tests.simulated import threaded_server


def test_a_fast_server_gives_the_same_replies_and_counts_requests_only(client: Client) -> None:
    with (
        threaded_server(SimulatorConfig(fast=True)) as server,
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

    def statuses(fast: bool) -> list[list[int]]:
        with (
            threaded_server(config.model_copy(update={"fast": fast})) as server,
            closing(Client(server)) as client,
        ):
            return [attempts(client, body) for body in bodies]

    assert statuses(fast=True) == statuses(fast=False)


def attempts(client: Client, body: object) -> list[int]:
    statuses = [client.chat(body).status]
    while statuses[-1] != 200:
        statuses.append(client.chat(body).status)
    return statuses


def test_fast_and_a_log_file_exclude_each_other() -> None:
    with pytest.raises(ValueError, match="leave out log or fast"):
        SimulatorConfig(fast=True, log="requests.jsonl")


@given(st.lists(st.integers(0, 50), max_size=200))
def test_failed_bodies_stay_within_their_bound(bodies: list[int]) -> None:
    remembered = FailedBodies(maximum=7)
    for body in bodies:
        remembered.mark_failed(body)
    assert len(remembered) <= 7


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=40))
def test_all_bodies_count_requests_and_remember_answers(steps: list[tuple[int, bool]]) -> None:
    bodies, requests, answered = AllBodies(), dict.fromkeys(range(4), 0), set[int]()
    for body, is_answered in steps:
        assert bodies.count_request(body) == requests[body]
        assert bodies.history(body) == (requests[body], body in answered)
        requests[body] += 1
        if is_answered:
            bodies.mark_answered(body)
            answered.add(body)


def test_usage_has_cached_and_reasoning_tokens_where_configured() -> None:
    config = SimulatorConfig(cached_share=0.5, reasoning_tokens=7)
    with threaded_server(config) as server, closing(Client(server)) as client:
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


def test_duplicates_are_counted_and_the_log_file_has_them_too(tmp_path: Path) -> None:
    path = tmp_path / "requests.jsonl"
    with (
        threaded_server(SimulatorConfig(log=str(path))) as server,
        closing(Client(server)) as client,
    ):
        bodies = [prompt("a"), prompt("b"), prompt("a"), prompt("a"), prompt("c", "nope")]
        for body in [*bodies, bodies[-1]]:
            client.chat(body)
        stats, log = server.stats(), server.log()
        lines = [orjson.loads(line) for line in path.read_bytes().splitlines()]
    assert (stats.requests, stats.distinct) == (6, 3)
    # The unknown model was asked for twice, but never answered: a repeat, no duplicate.
    assert (stats.repeats, stats.duplicates) == (3, 2)
    assert stats.by_status == {"200": 4, "404": 2}
    assert [entry.answered for entry in log] == [False, False, True, True, False, False]
    assert [entry.attempt for entry in log] == [0, 0, 1, 2, 0, 1]
    assert log[0].body == log[2].body != log[1].body
    assert [line["body"] for line in lines] == [entry.body for entry in log]


def test_tokens_are_counted_for_answers_only() -> None:
    with threaded_server() as server, closing(Client(server)) as client:
        client.chat(prompt("one two three", max_tokens=4))
        client.chat(prompt("one two three", "nope", max_tokens=4))
        stats = server.stats()
    assert (stats.prompt_tokens, stats.completion_tokens) == (3, 4)
