"""A reward head, from embeddings that an endpoint gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from prefline.config import Endpoint, EngineParams, RewardHeadParams
from prefline.errors import TableError
from prefline.llm import Engine, ReplyStore
from prefline.reward.head import Embeddings
from prefline.reward.models import HEAD
from prefline.simulator import SimulatedServer, SimulatorConfig
from prefline.simulator.models import DIMENSIONS, EMBEDDER
from tasks.train.head import embedded_pairs, train_head
from tasks.train.trainers import TrainingJob, conversations_of
from tests.prefline.releases.drafts import preference
from tests.simulated import threaded_server


@pytest.fixture(scope="module")
def server() -> Any:
    with threaded_server(SimulatorConfig()) as running:
        yield running


def rows(count: int) -> list[dict[str, Any]]:
    return [preference(n) for n in range(count)]


def trained(server: SimulatedServer, folder: Path, preferences: list[dict[str, Any]]) -> Any:
    recipe = RewardHeadParams(
        method="reward_head", endpoint=Endpoint(base_url=server.base_url, model=EMBEDDER), folds=2
    )
    draft = folder / "draft"
    draft.mkdir()
    with (
        ReplyStore(folder / "replies.db") as replies,
        Engine([recipe.endpoint], EngineParams(), replies) as engine,
    ):
        job = TrainingJob(preferences, recipe, draft, folder, engine)
        return train_head(job), draft


def test_both_sides_of_a_pair_are_embedded_with_what_was_asked() -> None:
    (chosen, rejected) = conversations_of(rows(1))

    assert [turn["content"] for turn in chosen] == ["question 0", "answer 0"]
    assert [turn["content"] for turn in rejected] == ["question 0", "no"]


def test_the_result_describes_the_fit(server: SimulatedServer, tmp_path: Path) -> None:
    result, draft = trained(server, tmp_path, rows(12))

    assert result.base == EMBEDDER
    assert (result.figures["pairs"], result.figures["prompts"]) == (12, 12)
    assert result.figures["dimensions"] == DIMENSIONS
    assert result.figures["left_out"] == {}
    assert (draft / HEAD).is_file()


def test_without_preferences_there_is_nothing_to_train_on(
    server: SimulatedServer, tmp_path: Path
) -> None:
    with pytest.raises(TableError, match="no preferences to train on"):
        trained(server, tmp_path, [])


def test_a_pair_of_which_a_side_is_missing_is_counted_with_its_reason() -> None:
    lost: Any = type("Lost", (), {"reason": "timeout"})()
    embeddings = Embeddings((0, 1, 3, 4, 5), np.zeros((5, 2)), {2: lost})

    assert embedded_pairs(embeddings, 3) == ([0, 2], {"timeout": 1})
