"""The server over real HTTP on loopback."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import count
from typing import Any

import openai
import pytest

from prefline.simulator import (
    Latency,
    Limits,
    SimulatedServer,
    SimulatorConfig,
    planted_text,
    quality_of,
    simulated_server,
)
from prefline.simulator.models import EMBEDDER
from prefline.simulator.rewards import REWARDER
from tests.prefline.simulator.client import Client, comparison, prompt
from tests.simulated import threaded_server

_unique = count()


def fresh() -> str:
    return f"A question that nobody asked before, number {next(_unique)}"


class TestCompletions:
    def test_the_same_request_gives_the_same_reply_to_the_byte(self, client: Client) -> None:
        body = prompt(fresh(), n=3, seed=7)
        assert client.chat(body).raw == client.chat(body).raw

    def test_another_server_of_the_same_config_gives_the_same_reply(self, client: Client) -> None:
        body = prompt("hello", n=2)
        with simulated_server() as other, closing(Client(other)) as second:
            assert second.chat(body).raw == client.chat(body).raw

    def test_n_choices_are_n_texts_with_a_quality_each(self, client: Client) -> None:
        choices = client.chat(prompt(fresh(), n=4)).json["choices"]
        assert [choice["index"] for choice in choices] == [0, 1, 2, 3]
        qualities = {quality_of(choice["message"]["content"]) for choice in choices}
        assert len(qualities) == 4
        assert None not in qualities

    def test_usage_counts_words(self, client: Client) -> None:
        reply = client.chat(prompt("one two  three\nfour", max_tokens=5)).json
        assert reply["usage"] == {"prompt_tokens": 4, "completion_tokens": 5, "total_tokens": 9}
        assert reply["choices"][0]["finish_reason"] == "length"

    def test_a_judge_answers_with_a_letter_and_its_log_probabilities(self, client: Client) -> None:
        ask = {"logprobs": True, "top_logprobs": 5, "max_tokens": 1}
        reply = client.chat(comparison(planted_text(30), planted_text(-30), **ask))
        assert reply.text == "A"
        (token,) = reply.json["choices"][0]["logprobs"]["content"]
        assert token["token"] == "A"
        assert token["bytes"] == [65]
        assert len(token["top_logprobs"]) == 5

    def test_models_are_listed(self, client: Client, simulator: SimulatedServer) -> None:
        listed = client.get("/v1/models").json
        assert tuple(model["id"] for model in listed["data"]) == (
            *simulator.models,
            EMBEDDER,
            REWARDER,
        )
        assert client.get("/health").json == {"status": "ok"}

    def test_a_prompt_of_several_megabytes_is_taken(self, client: Client) -> None:
        assert client.chat(prompt("word " * 1_000_000)).json["usage"]["prompt_tokens"] == 1_000_000


class TestRefusals:
    def test_an_unknown_model_is_404_in_openais_shape(self, client: Client) -> None:
        reply = client.chat(prompt("x", "gpt-unknown"))
        assert reply.status == 404
        assert reply.json["error"] == {
            "message": "The model 'gpt-unknown' does not exist or you do not have access to it.",
            "type": "invalid_request_error",
            "param": "model",
            "code": "model_not_found",
        }

    @pytest.mark.parametrize(
        ("change", "param"),
        [
            ({"messages": []}, "messages"),
            ({"messages": "hi"}, "messages"),
            ({"messages": [{"role": "user"}]}, "messages"),
            ({"n": 0}, "n"),
            ({"max_tokens": 0}, "max_tokens"),
            ({"stream": True}, "stream"),
            ({"top_logprobs": 5}, "top_logprobs"),
            ({"logprobs": True, "top_logprobs": 21}, "top_logprobs"),
            ({"response_format": "json"}, "response_format"),
        ],
        ids=str,
    )
    def test_a_malformed_request_is_400_and_names_the_parameter(
        self, client: Client, change: dict[str, Any], param: str
    ) -> None:
        reply = client.chat(prompt("x") | change)
        assert (reply.status, reply.json["error"]["param"]) == (400, param)

    @pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"\xff"])
    def test_a_body_that_is_no_object_is_400(self, client: Client, raw: bytes) -> None:
        assert client.chat(raw).status == 400

    def test_an_unknown_path_is_404(self, client: Client) -> None:
        reply = client.get("/v1/embeddings")
        assert (reply.status, reply.json["error"]["code"]) == (404, "unknown_url")

    def test_only_the_right_key_opens_and_no_key_is_repeated(self) -> None:
        with threaded_server(SimulatorConfig(key="right-key")) as server:
            for key, status in (("right-key", 200), ("wrong-key", 401), ("", 401)):
                with closing(Client(server, key)) as client:
                    reply = client.chat(prompt("x"))
                    assert reply.status == status
                    assert client.get("/v1/models").status == status
                    assert b"-key" not in reply.raw
            assert reply.json["error"]["code"] == "invalid_api_key"
            with closing(Client(server)) as client:
                assert b"-key" not in client.get("/log").raw
            with (
                closing(openai.OpenAI(api_key="x", base_url=server.base_url)) as sdk,
                pytest.raises(openai.AuthenticationError),
            ):
                sdk.models.list()

    def test_the_openai_package_understands_answers_and_errors(
        self, simulator: SimulatedServer
    ) -> None:
        messages: Any = comparison(planted_text(30), planted_text(-30))["messages"]
        with closing(openai.OpenAI(api_key="x", base_url=simulator.base_url)) as sdk:
            create = sdk.chat.completions.create
            reply = create(model="sim-judge", messages=messages, logprobs=True, top_logprobs=2)
            assert reply.choices[0].message.content == "A"
            assert reply.choices[0].logprobs is not None
            with pytest.raises(openai.NotFoundError, match="does not exist"):
                create(model="nope", messages=messages)


class TestLimits:
    def test_requests_over_the_rate_are_told_when_to_return_and_then_admitted(self) -> None:
        limits = Limits(requests_per_minute=120, burst_s=1)
        with (
            threaded_server(SimulatorConfig(limits=limits)) as server,
            closing(Client(server)) as client,
        ):
            replies = [client.chat(prompt(fresh())) for _ in range(4)]
            assert [reply.status for reply in replies] == [200, 200, 429, 429]
            refused = replies[-1]
            assert refused.json["error"]["code"] == "rate_limit_exceeded"
            assert refused.headers["Retry-After"] == "1"
            wait = int(refused.headers["retry-after-ms"]) / 1000
            assert 0.1 < wait <= 0.5
            time.sleep(wait)
            assert client.chat(prompt(fresh())).status == 200
            assert server.stats().by_status == {"200": 3, "429": 2}

    def test_requests_in_flight_are_bounded_or_wait_in_line(self) -> None:
        latency = Latency(ms=150)
        with threaded_server(
            SimulatorConfig(latency=latency, limits=Limits(concurrent=2))
        ) as server:
            assert sorted(at_once(server, 4)) == [200, 200, 429, 429]
        with threaded_server(SimulatorConfig(latency=latency, limits=Limits(slots=2))) as server:
            started = time.monotonic()
            assert at_once(server, 4) == [200] * 4
            assert time.monotonic() - started >= 0.3
            assert server.stats().peak_in_flight == 4


def at_once(server: SimulatedServer, number: int) -> list[int]:
    def ask(question: str) -> int:
        with closing(Client(server)) as client:
            return client.chat(prompt(question)).status

    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(ask, [fresh() for _ in range(number)]))
