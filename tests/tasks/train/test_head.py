"""A reward head, from embeddings that an endpoint gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from prefline.config import Endpoint, EngineParams, RewardHeadParams
from prefline.errors import TableError
from prefline.llm import Engine, ReplyStore
from prefline.reward.embed import Embedded
from prefline.simulator import SimulatedServer, SimulatorConfig, simulated_server
from prefline.simulator.models import DIMENSIONS, EMBEDDER
from tasks.train.head import HEAD, sides, train_head, whole_pairs
from tests.prefline.releases.drafts import preference


@pytest.fixture(scope="module")
def server() -> Any:
    with simulated_server(SimulatorConfig()) as running:
        yield running


def rows(count: int) -> list[dict[str, Any]]:
    return [preference(n) for n in range(count)]


def trained(server: SimulatedServer, folder: Path, given: list[dict[str, Any]]) -> Any:
    recipe = RewardHeadParams(
        method="reward_head", endpoint=Endpoint(base_url=server.base_url, model=EMBEDDER), folds=2
    )
    draft = folder / "draft"
    draft.mkdir()
    with (
        ReplyStore(folder / "replies.db") as replies,
        Engine([recipe.endpoint], EngineParams(), replies) as engine,
    ):
        return train_head(engine, recipe, given, draft), draft


def test_both_sides_of_a_pair_are_embedded_with_what_was_asked() -> None:
    (chosen, rejected) = sides(rows(1))

    assert [turn["content"] for turn in chosen] == ["question 0", "answer 0"]
    assert [turn["content"] for turn in rejected] == ["question 0", "no"]


def test_the_head_says_what_it_was_fitted_to(server: SimulatedServer, tmp_path: Path) -> None:
    made, draft = trained(server, tmp_path, rows(12))

    assert (made.kind, made.base) == ("reward_head", EMBEDDER)
    assert (made.figures["pairs"], made.figures["prompts"]) == (12, 12)
    assert made.figures["dimensions"] == DIMENSIONS
    assert made.figures["left_out"] == {}
    assert (draft / HEAD).is_file()


def test_without_preferences_there_is_nothing_to_train_on(
    server: SimulatedServer, tmp_path: Path
) -> None:
    with pytest.raises(TableError, match="no preferences to train on"):
        trained(server, tmp_path, [])


def test_a_pair_of_which_a_side_is_missing_is_counted_with_its_reason() -> None:
    lost: Any = type("Lost", (), {"reason": "timeout"})()
    found = Embedded((0, 1, 3, 4, 5), np.zeros((5, 2)), {2: lost})

    assert whole_pairs(found, 3) == ([0, 2], {"timeout": 1})
