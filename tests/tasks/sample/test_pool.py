"""What is held out of prompts, and clusters of those that can be drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefline.config import DiversityParams, Endpoint, EngineParams, HoldOut
from prefline.errors import EndpointError, InputError
from prefline.llm import Engine, ReplyStore
from prefline.simulator import SimulatedServer
from prefline.simulator.models import EMBEDDER
from prefline.tables.prompts import Prompt, prompt_from_row
from tasks.sample.pool import check_templates, cluster_prompts, cluster_vectors, is_held_out
from tests.simulated import threaded_server
from tests.tasks.sample.pools import prompts

QUICK = EngineParams(max_in_flight=4, max_back_off_s=0.05, timeout_s=2.0, max_tries=1)


def planted(per_group: int, seed: int = 0) -> np.ndarray:
    """Three directions of 8 dimensions, far from each other, with a little noise and lengths."""
    draw = np.random.default_rng(seed)
    centres = np.repeat(np.eye(8)[:3], per_group, axis=0)
    noise = draw.normal(0, 0.05, centres.shape)
    return (centres + noise) * draw.uniform(0.5, 2, (len(centres), 1))


def test_vectors_of_one_direction_are_one_group_whatever_their_lengths() -> None:
    found = cluster_vectors(planted(20), 3, seed=0)

    assert [len(set(found[at : at + 20])) for at in (0, 20, 40)] == [1, 1, 1]
    assert len(set(found)) == 3


def test_the_same_vectors_give_the_same_groups() -> None:
    noise = np.random.default_rng(1).normal(size=(300, 8))

    assert (
        cluster_vectors(noise, 20, seed=3).tolist() == cluster_vectors(noise, 20, seed=3).tolist()
    )


def test_more_groups_than_vectors_are_no_error() -> None:
    assert len(set(cluster_vectors(np.repeat(np.eye(4), 5, axis=0), 50, seed=0))) == 4


@pytest.fixture(scope="module")
def server() -> SimulatedServer:  # type: ignore[misc]
    with threaded_server() as running:
        yield running


def clusters(server: SimulatedServer, folder: Path, model: str) -> list[int]:
    endpoint = Endpoint(base_url=server.base_url, model=model)
    rule = DiversityParams(endpoint=endpoint, clusters=4)
    with ReplyStore(folder / "replies.db") as store, Engine([endpoint], QUICK, store) as engine:
        return cluster_prompts(engine, prompts(30), rule, 0).tolist()


def test_prompts_are_embedded_through_the_engine_and_paid_for_once(
    server: SimulatedServer, tmp_path: Path
) -> None:
    first = clusters(server, tmp_path, EMBEDDER)
    asked = server.stats().requests

    assert len(set(first)) == 4
    assert clusters(server, tmp_path, EMBEDDER) == first
    assert server.stats().requests == asked


def test_an_endpoint_that_embeds_nothing_is_an_error(
    server: SimulatedServer, tmp_path: Path
) -> None:
    with pytest.raises(EndpointError):
        clusters(server, tmp_path, "sim-strong")


def templated(texts: list[str]) -> list[Prompt]:
    rows = [{"prompt": text, "template": text[0]} for text in texts]
    return [prompt_from_row(row, "s", "here") for row in rows]


@given(st.floats(0, 0.99), st.integers(0, 30))
def test_of_a_template_all_are_held_out_and_a_larger_share_holds_a_smaller_one(
    share: float, n: int
) -> None:
    every = templated([f"{letter}{number}" for letter in "abc" for number in range(n + 1)])
    rule = HoldOut(share=share, templates=("a",))
    out = {one.text for one in every if is_held_out(one, rule)}
    larger = HoldOut(share=(share + 1) / 2, templates=("a",))

    assert {one.text for one in every if one.template == "a"} <= out
    assert out <= {one.text for one in every if is_held_out(one, larger)}


def test_the_share_that_is_held_out_is_about_what_was_asked_for() -> None:
    every = templated([f"b{number}" for number in range(2_000)])

    assert 0.15 < sum(is_held_out(one, HoldOut(share=0.2)) for one in every) / 2_000 < 0.25


def test_a_template_to_hold_out_that_no_prompt_has_is_an_error() -> None:
    with pytest.raises(InputError, match="no prompt has the template 'd'"):
        check_templates(HoldOut(templates=("a", "d")), {"a", "b", None})
