from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from prefline.engine import Engine, ReplyStore
from prefline.params import EngineParams, GenerateParams
from prefline.prompts import Prompt, prompt_from_row
from prefline.simulate import SimulatedServer, SimulatorConfig, simulated_server
from tasks.generate import generation_requests, response_rows

PROMPTS = [prompt_from_row({"prompt": f"prompt {n}"}, "s", "here") for n in range(20)]


@pytest.fixture(scope="module")
def server() -> Iterator[SimulatedServer]:
    with simulated_server(SimulatorConfig(faults={"400": 0.2})) as running:
        yield running


def params(url: str = "http://host/v1", **changes: object) -> GenerateParams:
    endpoints = [
        {"base_url": url, "model": "sim-strong"},
        {"base_url": url, "model": "sim-weak"},
    ]
    return GenerateParams.model_validate(
        {"endpoints": endpoints, "samples_per_prompt": 3, "max_tokens": 20} | changes
    )


def with_seed(text: str) -> Prompt:
    return prompt_from_row({"prompt": text}, "s", "here")


def test_each_prompt_gets_every_sample_of_every_model_each_with_its_own_key() -> None:
    requests = list(generation_requests(PROMPTS, params()))

    assert len(requests) == 20 * 2 * 3
    assert len({request.key for request in requests}) == len(requests)
    assert len({request.sampling.seed for request in requests}) == len(requests)


def test_the_same_params_ask_the_same_on_any_machine() -> None:
    one = [request.key for request in generation_requests(PROMPTS, params())]
    other = [request.key for request in generation_requests(PROMPTS, params("http://else/v1"))]

    assert one == other


def test_a_prompt_s_requests_do_not_depend_on_the_others() -> None:
    alone = {r.key for r in generation_requests(PROMPTS[:1], params())}

    assert alone <= {r.key for r in generation_requests(PROMPTS, params())}


def test_more_samples_add_to_fewer() -> None:
    fewer = {r.key for r in generation_requests(PROMPTS, params())}

    assert fewer < {r.key for r in generation_requests(PROMPTS, params(samples_per_prompt=5))}


def test_a_system_prompt_goes_before_a_conversation_that_has_none() -> None:
    own = prompt_from_row(
        {"messages": [{"role": "system", "content": "own"}, {"role": "user", "content": "hi"}]},
        "s", "here",
    )  # fmt: skip
    requests = list(generation_requests([PROMPTS[0], own], params(system_prompt="Be brief.")))

    assert requests[0].messages[0] == {"role": "system", "content": "Be brief."}
    assert requests[-1].messages[0]["content"] == "own"


def test_every_request_ends_as_a_response_or_a_rejection_with_its_reason(
    server: SimulatedServer, tmp_path: Path
) -> None:
    asked = params(server.base_url)
    requests = list(generation_requests(PROMPTS, asked))
    with (
        ReplyStore(tmp_path) as store,
        Engine(asked.endpoints, EngineParams(), store) as engine,
    ):
        responses, failed = response_rows(engine.answer(requests))

    assert responses.num_rows + len(failed) == len(requests)
    assert 0 < len(failed) < len(requests)
    assert {one.reason for one in failed} == {"bad_request"}
    assert len(set(responses["response_id"].to_pylist())) == responses.num_rows


def test_what_comes_out_does_not_depend_on_the_concurrency(
    server: SimulatedServer, tmp_path: Path
) -> None:
    asked = params(server.base_url)
    requests = list(generation_requests(PROMPTS, asked))
    tables = []
    for in_flight in (1, 32):
        with (
            ReplyStore(tmp_path / str(in_flight)) as store,
            Engine(asked.endpoints, EngineParams(max_in_flight=in_flight), store) as engine,
        ):
            tables.append(response_rows(engine.answer(requests[:1] + requests[60:])))
    texts = [dict(zip(t["response_id"].to_pylist(), t["text"].to_pylist(), strict=True))
             for t, _ in tables]  # fmt: skip
    both = texts[0].keys() & texts[1].keys()

    assert len(both) > 30
    assert all(texts[0][identity] == texts[1][identity] for identity in both)
