from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from prefline.config import Endpoint, EngineParams, JudgeParams, RewardHeadParams
from prefline.errors import InputError, TableError
from prefline.llm import Engine, ReplyStore, Request
from prefline.reward.head import RewardHead
from prefline.reward.models import HEAD, HeadReward, Trained, read_reward, write_trained
from prefline.simulator import SimulatedServer, planted_text, quality_of
from prefline.simulator.models import DIMENSIONS, EMBEDDER
from tasks.judge.comparisons import Comparison
from tasks.judge.context import JudgeContext
from tasks.judge.jobs import JudgeJob, read_context
from tasks.judge.methods.reward_model import RewardModel, RewardModelJudge, compare_rewards
from tasks.judge.results import Judgment
from tests.simulated import threaded_server
from tests.tasks.judge.material import prompt, response
from tests.tasks.judge.scripted_judge import FAILS, collect

RECIPE = RewardHeadParams(method="reward_head", endpoint=Endpoint(model=EMBEDDER))
# Looks at quality alone, as the simulated embeddings hold it.
HEAD_OF_QUALITY = RewardHead(np.eye(DIMENSIONS)[0] * 3.0)


@pytest.fixture(scope="module")
def server() -> Iterator[SimulatedServer]:
    with threaded_server() as running:
        yield running


def save(folder: Path, kind: str = "reward_head") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    HEAD_OF_QUALITY.save(folder / HEAD)
    recipe = RECIPE.model_dump(mode="json")
    write_trained(folder, Trained(kind, "demo-1-head", {}, EMBEDDER, recipe))  # type: ignore[arg-type]
    return folder


def judge_at(endpoint: Endpoint) -> RewardModelJudge:
    return RewardModelJudge(
        name="rm", method="reward_model", path="data/imported/models/m", endpoint=endpoint
    )


def context_of(folder: Path, endpoint: Endpoint) -> JudgeContext:
    return JudgeContext(material=read_reward(save(folder), endpoint))


def pairs_of(answers: int, question: str) -> list[Comparison]:
    qualities = np.random.default_rng(len(question) + ord(question[-1])).normal(size=answers)
    texts = [planted_text(one, 100, question, seed) for seed, one in enumerate(qualities)]
    sides = [response(text, f"{question} {number}") for number, text in enumerate(texts)]
    return [Comparison(prompt(question), *two) for two in combinations(sides, 2)]


def test_the_better_answer_has_the_higher_reward_and_each_is_asked_for_once(
    server: SimulatedServer, tmp_path: Path
) -> None:
    endpoint = Endpoint(base_url=server.base_url, model=EMBEDDER)
    context, judge = context_of(tmp_path / "m", endpoint), judge_at(endpoint)
    plan = [pair for number in range(30) for pair in pairs_of(4, f"q {'x' * number}")]
    with (
        ReplyStore(tmp_path / "replies.db") as store,
        Engine([endpoint], EngineParams(), store) as engine,
    ):
        job = JudgeJob(judge, context, plan)
        results = list(engine.converse(job.tasks()))
        assert engine.stats.done == job.calls == 120

    judged = [one for result in results for one in result if isinstance(one, Judgment)]
    assert len(judged) == len(plan)
    right = [
        (quality_of(one.comparison.first.text) or 0) > (quality_of(one.comparison.second.text) or 0)
        for one in judged
        if one.verdict.side == "first"
    ]
    assert np.mean(right) > 0.85  # what the noise of the embeddings leaves
    assert sum(one.charged or 0 for one in judged) == 120


@pytest.mark.parametrize(
    ("first", "second", "side"), [(1.0, 0.0, "first"), (0.0, 1.0, "second"), (2.0, 2.0, "tie")]
)
def test_rewards_are_log_odds(first: float, second: float, side: str) -> None:
    verdict = compare_rewards(first, second)

    assert verdict.side == side
    assert verdict.p_first == pytest.approx(1 / (1 + math.exp(second - first)))


def test_rewards_as_far_apart_as_may_be_are_no_overflow() -> None:
    assert compare_rewards(-1e9, 1e9).p_first == 0.0


def test_a_failed_embedding_loses_the_pairs_of_that_answer_only(tmp_path: Path) -> None:
    context = context_of(tmp_path / "m", Endpoint(model=EMBEDDER))
    collected = collect(RewardModel().judge_tasks(judge_at(Endpoint(model=EMBEDDER)), context,
                                                  pairs_of(2, "q")), FAILS)  # fmt: skip

    assert collected.judgments == []
    assert [one.reason for one in collected.rejections] == ["timeout"]


def test_the_text_that_is_embedded_is_the_conversation_from_its_end(tmp_path: Path) -> None:
    reward = read_reward(save(tmp_path / "m"))
    assert isinstance(reward, HeadReward)
    params = reward.params.model_copy(update={"max_characters": 20})
    request: Request = replace(reward, params=params).request(
        ({"role": "user", "content": "a question"}, {"role": "assistant", "content": "an answer"})
    )

    assert request.body["input"] == "assistant: an answer"[-20:]


def test_the_context_is_read_from_a_model_s_folder_and_what_is_no_reward_model_is_refused(
    tmp_path: Path,
) -> None:
    endpoint = Endpoint(model=EMBEDDER)
    params = JudgeParams(judges=(judge_at(endpoint),))
    save(tmp_path / "data/imported/models/m")
    assert read_context(params.judges[0], params, tmp_path, []).material is not None

    other = judge_at(Endpoint(model="another"))
    with pytest.raises(InputError, match="trained on embeddings of sim-embedder"):
        read_context(other, params, tmp_path, [])
    save(tmp_path / "data/imported/models/m", kind="policy")
    with pytest.raises(InputError, match="holds a policy, which gives no rewards"):
        read_context(params.judges[0], params, tmp_path, [])
    (tmp_path / "data/imported/models/m/model.json").unlink()
    with pytest.raises(TableError, match=r"model\.json is missing"):
        read_context(params.judges[0], params, tmp_path, [])
