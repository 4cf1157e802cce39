"""Of a prompt's answers those that a reward head picks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefline.config import RewardHeadParams
from prefline.errors import InputError, TableError
from prefline.llm import EmbeddingRequest, Failure, Outcome, Reply, Request, Usage
from prefline.llm.conversation import Conversation
from prefline.reward.head import RewardHead
from prefline.reward.models import HeadReward, Trained, write_trained
from prefline.tables import Rejection
from tasks.generate import read_best_of_reward, sample_conversations
from tasks.generate.candidates import Candidate, SampleResult
from tests.tasks.generate.scripted import PROMPTS, params, reply

RECIPE = RewardHeadParams(method="reward_head")
MODEL = Trained("reward_head", "head", {}, "base", RECIPE.model_dump(mode="json"))
# The reward is the one number of an embedding.
REWARD = HeadReward(MODEL, RewardHead(np.array([1.0])), RECIPE)


def picked(rewards: Sequence[float | None], keep: str = "best_and_worst") -> SampleResult:
    """What becomes of four answers of two models whose rewards these are; None fails."""
    asked = iter(rewards)
    texts = iter("abcd")

    def answer(request: Request) -> Outcome:
        if not isinstance(request, EmbeddingRequest):
            return reply(request, next(texts))
        value = next(asked)
        if value is None:
            return Failure(request, "timeout", "no answer")
        return Reply(request, "", "stop", (), Usage(5, 0), 1.0, cached=False, vector=(value,))

    rule = {"path": "data/imported/models/head", "keep": keep}
    (steps,) = sample_conversations(PROMPTS[:1], params(best_of=rule), reward=REWARD)
    conversation = Conversation(steps)
    while conversation.request is not None:
        conversation.send(answer(conversation.request))
    return conversation.result


def answers(ended: SampleResult) -> list[str]:
    return [one.text for one in ended if isinstance(one, Candidate)]


def reasons(ended: SampleResult) -> list[str]:
    return [one.reason for one in ended if isinstance(one, Rejection)]


@pytest.mark.parametrize(("keep", "left"), [("best", ["c"]), ("best_and_worst", ["c", "b"])])
def test_the_best_and_on_request_the_worst_are_kept(keep: str, left: list[str]) -> None:
    ended = picked([0.5, -1.0, 2.0, 0.0], keep)

    assert answers(ended) == left
    assert reasons(ended) == ["not_best_of_n"] * (4 - len(left))
    assert any("the best 2.000" in one.detail for one in ended if isinstance(one, Rejection))


@given(
    st.lists(st.none() | st.floats(-5, 5), min_size=4, max_size=4),
    st.sampled_from(["best", "best_and_worst"]),
)
def test_no_answer_is_lost_and_no_call_unpaid(rewards: list[float | None], keep: str) -> None:
    ended = picked(rewards, keep)
    kept = [one for one in ended if isinstance(one, Candidate)]
    known = [one for one in rewards if one is not None]

    assert len(ended) == 4
    assert len({e.response_id if isinstance(e, Candidate) else e.id for e in ended}) == 4
    assert len(kept) == min(len(known), 1 if keep == "best" else 2)
    # Every draft, and the embeddings that could be had, as long as there is a row to bear them.
    assert sum(len(one.calls) for one in kept) == (4 + len(known) if known else 0)


def test_an_answer_without_a_reward_says_so() -> None:
    ended = picked([None, 1.0, None, 0.0])

    assert answers(ended) == ["b", "d"]
    assert reasons(ended) == ["timeout", "timeout"]


def test_only_a_reward_head_in_its_folder_can_pick(tmp_path: Path) -> None:
    given_params = params(best_of={"path": "data/imported/models/head"})
    folder = tmp_path / "data/imported/models/head"
    folder.mkdir(parents=True)
    with pytest.raises(TableError, match="holds no trained model"):
        read_best_of_reward(given_params, tmp_path)
    write_trained(folder, Trained("reward_model", "m", {}, "base", {}))
    with pytest.raises(InputError, match="picks nothing here"):
        read_best_of_reward(given_params, tmp_path)
    write_trained(folder, MODEL)
    RewardHead(np.array([1.0])).save(folder / "head.npy")

    assert read_best_of_reward(given_params, tmp_path) is not None
    assert read_best_of_reward(params(), tmp_path) is None
    with pytest.raises(InputError, match="data/imported/models"):
        read_best_of_reward(params(best_of={"path": "data/model"}), tmp_path)
