"""A reward head, from embeddings that an endpoint gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from prefline.config import Endpoint, EngineParams, RewardHeadParams
from prefline.errors import TableError
from prefline.llm import Engine, ReplyStore
from prefline.releases.manifest import PREFERENCE
from prefline.reward.head import Embeddings
from prefline.reward.models import HEAD
from prefline.reward.version import Preferences
from prefline.simulator import SimulatedServer, SimulatorConfig
from prefline.simulator.models import DIMENSIONS, EMBEDDER
from tasks.train.head import EmbeddingRequests, embedded_pairs, train_head
from tasks.train.trainers import TrainingJob
from tests.prefline.releases.drafts import preference
from tests.simulated import threaded_server
from tests.tasks.publish.test_turns import ROWS, in_parts, written
from tests.tasks.train.tiny import saved


@pytest.fixture(scope="module")
def server() -> Any:
    with threaded_server(SimulatorConfig()) as running:
        yield running


def trained(server: SimulatedServer, folder: Path, preferences: list[dict[str, Any]]) -> Any:
    recipe = RewardHeadParams(
        method="reward_head", endpoint=Endpoint(base_url=server.base_url, model=EMBEDDER), folds=2
    )
    model = folder / "model"
    model.mkdir()
    with (
        ReplyStore(folder / "replies.db") as replies,
        Engine([recipe.endpoint], EngineParams(), replies) as engine,
    ):
        job = TrainingJob(saved(preferences, folder), recipe, model, folder, engine)
        return train_head(job), model


def test_each_different_conversation_is_asked_about_once(tmp_path: Path) -> None:
    first, second = preference(0), preference(0, rejected=preference(1)["chosen"])
    rows = saved([first, second, preference(1)], tmp_path)
    asked = EmbeddingRequests(RewardHeadParams(method="reward_head"), rows)

    assert [request.messages[0]["content"] for request in asked] == [
        f"user: question {question}\n\nassistant: {answer}"
        for question, answer in (
            (0, "answer 0"), (0, "no"), (0, "answer 1"), (1, "answer 1"), (1, "no")
        )
    ]  # fmt: skip
    assert len(asked) == 5
    assert rows.conversations.numbers.tolist() == [[0, 1], [0, 2], [3, 4]]


def test_calls_of_tools_are_asked_about_as_text_of_a_version_as_of_a_table(tmp_path: Path) -> None:
    def texts(files: list[Path]) -> set[str]:
        asked = EmbeddingRequests(RewardHeadParams(method="reward_head"), Preferences(files))
        return {request.messages[0]["content"] for request in asked}

    version = texts([file.path for file in written(tmp_path, (PREFERENCE,)).files])

    assert any('[call weather] {"city":"Rome"}' in text for text in version)
    assert texts(in_parts(tmp_path / "inside", ROWS)) == version


def test_the_result_describes_the_fit(server: SimulatedServer, tmp_path: Path) -> None:
    result, draft = trained(server, tmp_path, [preference(n) for n in range(12)])

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
    failed = np.array([0, 0, 2, 0, 1])
    embeddings = Embeddings(None, failed, ("timeout", "refused"))
    numbers = np.array([[0, 1], [2, 1], [1, 0], [0, 4], [4, 2]])

    pairs, left_out = embedded_pairs(embeddings, numbers)

    assert pairs.tolist() == [0, 2]
    assert left_out == {"timeout": 2, "refused": 1}
