from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from prefline.config import DiversityParams, Endpoint, EngineParams
from prefline.errors import EndpointError
from prefline.llm import Engine, ReplyStore
from prefline.simulator import SimulatedServer, simulated_server
from prefline.simulator.models import EMBEDDER
from tasks.sample.asking.clusters import clusters_of, grouped
from tests.tasks.sample.urns import prompts

QUICK = EngineParams(max_in_flight=4, max_back_off_s=0.05, timeout_s=2.0, max_tries=1)


def planted(per_group: int, seed: int = 0) -> np.ndarray:
    """Three directions of 8 dimensions, far from each other, with a little noise and lengths."""
    draw = np.random.default_rng(seed)
    centres = np.repeat(np.eye(8)[:3], per_group, axis=0)
    noise = draw.normal(0, 0.05, centres.shape)
    return (centres + noise) * draw.uniform(0.5, 2, (len(centres), 1))


def test_vectors_of_one_direction_are_one_group_whatever_their_lengths() -> None:
    found = grouped(planted(20), 3, seed=0)

    assert [len(set(found[at : at + 20])) for at in (0, 20, 40)] == [1, 1, 1]
    assert len(set(found)) == 3


def test_the_same_vectors_give_the_same_groups() -> None:
    noise = np.random.default_rng(1).normal(size=(300, 8))

    assert grouped(noise, 20, seed=3).tolist() == grouped(noise, 20, seed=3).tolist()


def test_more_groups_than_vectors_are_no_error() -> None:
    assert len(set(grouped(np.repeat(np.eye(4), 5, axis=0), 50, seed=0))) == 4


@pytest.fixture(scope="module")
def server() -> SimulatedServer:  # type: ignore[misc]
    with simulated_server() as running:
        yield running


def clusters(server: SimulatedServer, folder: Path, model: str) -> list[int]:
    endpoint = Endpoint(base_url=server.base_url, model=model)
    rule = DiversityParams(endpoint=endpoint, clusters=4)
    with ReplyStore(folder) as store, Engine([endpoint], QUICK, store) as engine:
        return clusters_of(engine, prompts(30), rule, 0).tolist()


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
