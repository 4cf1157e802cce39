"""Samples through the engine, with a provider on the loopback."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pyarrow as pa

from prefline.config import EngineParams, GenerateParams
from prefline.ids import lot
from prefline.llm import Engine, ReplyStore
from prefline.simulator import Batching, Generator, SimulatorConfig
from prefline.tables import Rejection
from prefline.tables.prompts import prompt_from_row
from tasks.generate import generation_requests, response_table, sample_conversations
from tests.loopback import Answered, Asked, completion, loopback_server, refusal
from tests.simulated import threaded_server
from tests.tasks.generate.scripted import PRINCIPLES

PROMPTS = [prompt_from_row({"prompt": f"prompt {n}"}, "s", "here") for n in range(12)]
TEXTS = ("", "one", "two", "three", "four")


class Provider:
    """Refuses one call in ten and answers the others, by the hash of what is asked; remembers
    what was asked."""

    def __init__(self) -> None:
        self.asked: Counter[bytes] = Counter()
        self.answered: set[bytes] = set()

    def __call__(self, asked: Asked) -> Answered:
        if not asked.body:
            return refusal(404, "only chat completions here")
        self.asked[asked.body] += 1
        if lot("refused", asked.body.decode()) < 0.1:
            return refusal(400, "not this one")
        self.answered.add(asked.body)
        return completion(TEXTS[int(lot("text", asked.body.decode()) * len(TEXTS))])


def asked_of(url: str, mode: str = "live") -> GenerateParams:
    endpoints = [
        {"base_url": url, "model": model, "mode": mode,
         "batch": {"max_requests": 17, "poll_s": 0.02}}
        for model in ("sim-a", "sim-b")
    ]  # fmt: skip
    section = {"endpoints": endpoints, "samples_per_prompt": 2, "max_tokens": 30}
    return GenerateParams.model_validate(section | {"revision": {"rounds": 2}})


def run(
    given: GenerateParams, folder: Path, most: int = 64
) -> tuple[pa.Table, list[Rejection], int]:
    """The rows, the rejections, and how many replies were bought."""
    limits = EngineParams(max_in_flight=most, max_tries=4, max_back_off_s=0.02)
    with (
        ReplyStore(folder / "replies.db") as store,
        Engine(given.endpoints, limits, store, batches=folder / "batches") as engine,
    ):
        rows, lost = response_table(
            engine.converse(sample_conversations(PROMPTS, given, PRINCIPLES))
        )
        return rows, lost, engine.stats.done - engine.stats.cached - engine.stats.failed


def test_what_comes_out_does_not_depend_on_the_concurrency(tmp_path: Path) -> None:
    with loopback_server(Provider()) as url:
        made = [run(asked_of(url), tmp_path / str(most), most) for most in (1, 7, 64)]
    rows, lost, _ = made[0]

    assert made[1] == made[2] == made[0]
    assert rows.num_rows > 50
    assert {one.reason for one in lost} == {
        "bad_request", "no_critique", "empty_revision", "unchanged_revision", "not_revised",
    }  # fmt: skip


def test_a_second_run_asks_for_nothing_that_was_answered(tmp_path: Path) -> None:
    provider = Provider()
    with loopback_server(provider) as url:
        first, lost, bought = run(asked_of(url), tmp_path)
        again, lost_again, bought_again = run(asked_of(url), tmp_path)

    assert (again, lost_again, bought_again) == (first, lost, 0)
    assert bought == len(provider.answered)
    assert all(provider.asked[body] == 1 for body in provider.answered)


def test_in_batch_mode_samples_are_revised_as_in_live_mode(tmp_path: Path) -> None:
    generators = {name: Generator(characters=100, spread=1.0) for name in ("sim-a", "sim-b")}
    config = SimulatorConfig(generators=generators, batch=Batching(latency_ms=50))
    with threaded_server(config) as server:
        live, lost, bought = run(asked_of(server.base_url), tmp_path / "live")
        before = server.stats().in_batches
        batched, lost_too, bought_too = run(asked_of(server.base_url, "batch"), tmp_path / "batch")
        in_batches = server.stats().in_batches - before

    assert batched.equals(live), "these models are free, so that half the price is the same"
    assert (lost_too, bought_too) == (lost, bought)
    assert in_batches == bought


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

    assert len(requests) == len(PROMPTS) * 2 * 3
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
