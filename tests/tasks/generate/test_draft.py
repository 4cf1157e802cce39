from __future__ import annotations

from prefline.config import GenerateParams
from prefline.tables.prompts import prompt_from_row
from tasks.generate import generation_requests

PROMPTS = [prompt_from_row({"prompt": f"prompt {n}"}, "s", "here") for n in range(20)]


def params(url: str = "http://host/v1", **changes: object) -> GenerateParams:
    endpoints = [
        {"base_url": url, "model": "sim-strong"},
        {"base_url": url, "model": "sim-weak"},
    ]
    return GenerateParams.model_validate(
        {"endpoints": endpoints, "samples_per_prompt": 3, "max_tokens": 20} | changes
    )


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
