from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from prefline.config import Endpoint, EngineParams, Prices
from prefline.llm import EmbeddingRequest, Engine, Failure, Reply, ReplyStore
from prefline.llm.parsing import Accepted, Retry, classify
from prefline.simulator import SimulatedServer
from prefline.simulator.models import EMBEDDER, embed
from tests.loopback import Answered, Asked, loopback_server, refusal
from tests.prefline.llm.requests import ask
from tests.simulated import threaded_server

QUICK = EngineParams(max_in_flight=4, max_back_off_s=0.05, timeout_s=2.0, max_tries=2)
ENDPOINT = Endpoint(base_url="http://host/v1", model="m")


@pytest.fixture(scope="module")
def server() -> Iterator[SimulatedServer]:
    with threaded_server() as running:
        yield running


def of(*vector: object) -> bytes:
    return orjson.dumps({"data": [{"embedding": vector}], "usage": {"prompt_tokens": 3}})


def test_texts_come_back_as_vectors_in_order_and_a_second_run_pays_nothing(
    server: SimulatedServer, tmp_path: Path
) -> None:
    texts = [f"text {number}" for number in range(20)]
    endpoint = Endpoint(base_url=server.base_url, model=EMBEDDER, prices=Prices(input=1.0))

    def run() -> list[Reply]:
        with (
            ReplyStore(tmp_path / "replies.db") as store,
            Engine([endpoint], QUICK, store) as engine,
        ):
            replies = list(engine.answer(EmbeddingRequest(EMBEDDER, text) for text in texts))
        assert all(isinstance(one, Reply) for one in replies)
        return [one for one in replies if isinstance(one, Reply)]

    first, second = run(), run()

    assert [list(one.vector) for one in first] == [embed(text) for text in texts]
    assert [one.vector for one in second] == [one.vector for one in first]
    assert all(one.cached for one in second)
    assert first[0].cost_usd == pytest.approx(2e-6)


def test_an_embedding_and_a_completion_of_one_text_do_not_share_a_reply() -> None:
    assert EmbeddingRequest("m", "text").key != ask("text", model="m").key


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        pytest.param(orjson.dumps({"data": []}), "no_embedding", id="none"),
        pytest.param(of(0.0, 0.0), "not_an_embedding", id="all zeros"),
        pytest.param(of("a", "b"), "not_a_completion", id="no numbers"),
        pytest.param(b'{"choices": [{"message": {"content": "hi"}}]}', "no_embedding", id="chat"),
    ],
)
def test_a_vector_that_says_nothing_is_no_embedding(body: bytes, reason: str) -> None:
    answer = classify(ENDPOINT, 200, {}, body, EmbeddingRequest)

    assert isinstance(answer, Retry)
    assert answer.reason == reason
    assert isinstance(classify(ENDPOINT, 200, {}, of(0.1, -2), EmbeddingRequest), Accepted)


def test_a_server_without_embeddings_makes_failures_that_say_so(tmp_path: Path) -> None:
    def refuse(asked: Asked) -> Answered:
        if asked.path != "/v1/embeddings":
            return refusal(404, "not served")
        return Answered(400, orjson.dumps({"error": {"message": "no embeddings here"}}))

    with loopback_server(refuse) as url:
        endpoint = Endpoint(base_url=url, model="m")
        with (
            ReplyStore(tmp_path / "replies.db") as store,
            Engine([endpoint], QUICK, store) as engine,
        ):
            (outcome,) = engine.answer([EmbeddingRequest("m", "text")])

    assert isinstance(outcome, Failure)
    assert "no embeddings here" in outcome.detail
