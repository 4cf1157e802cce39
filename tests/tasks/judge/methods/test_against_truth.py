"""Every method that asks a model, through the engine, against a judge whose truth is planted."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from prefline.config import Endpoint, EngineParams, JudgeParams
from prefline.config.judge import METHODS
from prefline.config.principles import Principle
from prefline.ids import content_id
from prefline.llm import Engine, ReplyStore
from prefline.simulator import (
    Judge,
    SimulatedServer,
    SimulatorConfig,
    planted_text,
    quality_of,
)
from prefline.tables.messages import Message
from prefline.tables.prompts import Prompt
from tasks.judge.comparisons import Comparison, Response
from tasks.judge.context import JudgeContext
from tasks.judge.jobs import JudgeJob, plan_comparisons
from tasks.judge.results import Judgment, judgment_rows
from tests.simulated import threaded_server

# Reward models have tests of their own: they are not told what to do.
_OTHERS = ("verifier", "imported", "reward_model", "served_reward")
ASKING = [name for name in METHODS.names() if name not in _OTHERS]
CONTEXT = JudgeContext(material=(Principle("better", "the better one."),))
ACCURACY = 0.8


def context_of(method: str) -> JudgeContext:
    """What the method has read; a checklist has no rubrics of people."""
    return JudgeContext(material={}) if method == "checklist" else CONTEXT


@pytest.fixture(scope="module")
def server() -> Iterator[SimulatedServer]:
    config = SimulatorConfig(judges={"judge": Judge(accuracy=ACCURACY, invalid_rate=0.02)})
    with threaded_server(config) as running:
        yield running


@pytest.fixture(scope="module")
def pairs() -> list[Comparison]:
    draw, made = np.random.default_rng(0), []
    for number in range(120):
        text = f"Question {number}?"
        of = Prompt(content_id(text), (Message(role="user", content=text),), "s", "c", "l",
                    None, "The better one.", None)  # fmt: skip
        answers = []
        for sample in range(3):
            words = planted_text(float(draw.normal()), 200, text, seed=3 * number + sample)
            answers.append(Response(content_id(words), words, "stop", "m"))
        made += [Comparison(of, *two) for two in combinations(answers, 2)]
    return made


@pytest.mark.parametrize("method", ASKING)
def test_a_method_is_right_about_as_often_as_its_judge(
    method: str, server: SimulatedServer, pairs: list[Comparison], tmp_path: Path
) -> None:
    endpoint = Endpoint(base_url=server.base_url, model="judge")
    given: dict[str, Any] = {"name": method, "method": method, "endpoint": endpoint}
    (judge,) = JudgeParams.model_validate({"judges": [given]}).judges
    context = context_of(method)
    plan = list(plan_comparisons(pairs, judge, context))
    params = EngineParams(max_in_flight=16)
    with ReplyStore(tmp_path / "replies.db") as store, Engine([endpoint], params, store) as engine:
        job = JudgeJob(judge, context, plan)
        judged = [one for result in engine.converse(job.tasks()) for one in result]
        assert engine.stats.done == job.calls

    assert all(isinstance(one, Judgment) for one in judged)
    valid = [one for one in judged if isinstance(one, Judgment) and one.verdict.side != "invalid"]
    decided = [one for one in valid if one.verdict.side != "tie"]
    right = np.mean([one.verdict.side == better(one.comparison) for one in decided])
    assert 0.9 < len(valid) / len(judged) < 1.0
    if method == "checklist":  # answers on the two sides of a criterion differ more than others
        assert right > ACCURACY
        return
    # Rounded scores blur a little, and the margin is three standard errors of 120 prompts.
    assert abs(right - ACCURACY) < 0.08


@pytest.mark.parametrize("style", ["think", "reasoning_content", "parts"])
def test_reasoning_in_any_place_is_kept_apart_and_changes_no_verdict(
    style: Any, pairs: list[Comparison], tmp_path: Path
) -> None:
    """With and without reasoning, which this provider puts before the same verdicts."""
    tables = []
    for number, where in enumerate(("none", style)):
        config = SimulatorConfig(judges={"judge": Judge(accuracy=ACCURACY)}, reasoning=where)
        with threaded_server(config) as server:
            endpoint = Endpoint(base_url=server.base_url, model="judge")
            with (
                ReplyStore(tmp_path / f"{number}.db") as store,
                Engine([endpoint], EngineParams(), store) as engine,
            ):
                for method in ASKING:
                    given = {"name": method, "method": method, "endpoint": endpoint}
                    (judge,) = JudgeParams.model_validate({"judges": [given]}).judges
                    context = context_of(method)
                    plan = list(plan_comparisons(pairs[:9], judge, context))
                    job = JudgeJob(judge, context, plan)
                    table, failed = judgment_rows(judge, job.collect(engine.converse))
                    assert not failed
                    tables.append(table)
    plain = pa.concat_tables(tables[: len(ASKING)])
    thought = pa.concat_tables(tables[len(ASKING) :])
    billed = thought.filter(pc.greater(thought["output_tokens"], pa.scalar(0)))

    assert thought["verdict"].equals(plain["verdict"])
    assert thought["rationale"].equals(plain["rationale"])
    assert plain["reasoning"].null_count == plain.num_rows
    assert billed["reasoning"].null_count == 0


def better(comparison: Comparison) -> str:
    first, second = (quality_of(side.text) for side in (comparison.first, comparison.second))
    assert first is not None
    assert second is not None
    return "first" if first > second else "second"
