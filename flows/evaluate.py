"""Stage `evaluate`: is what was trained better, and than what."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from prefect import flow

from flows.runtime.model_calls import model_calls
from flows.runtime.stage import as_task, run_stage
from prefline.atomic import atomic_folder
from prefline.config import JudgeParams, PairwiseJudge, read_params
from prefline.llm import Engine
from prefline.project import find_project
from prefline.tables import Rejection
from prefline.tables.prompts import Prompt
from tasks.evaluate.evaluation import evaluate_model, plan_evaluation, read_inputs
from tasks.evaluate.trial import Row
from tasks.evaluate.write import sentences, write_evaluation
from tasks.judge.jobs import JudgeJob, plan_comparisons, read_context
from tasks.judge.pairs import select_pairs
from tasks.judge.results import judgment_rows


@flow(name="evaluate")
def evaluate() -> None:
    """Write `data/evaluation`."""
    project = find_project()
    params = read_params(project.params)
    inputs = read_inputs(project, params)

    section = params.evaluate
    plan = plan_evaluation(inputs, section)

    with model_calls(project, "evaluate", plan.endpoints, params.engine, total=plan.calls) as (
        engine,
        _,
    ):
        judge = section.policy.judge
        judge_answers = (
            partial(_judge, judge, plan.prompts, section.seed, project.root, engine)
            if judge
            else None
        )
        evaluation = as_task(evaluate_model)(inputs, plan, section, engine, judge_answers)

    with atomic_folder(project.table("evaluation")) as draft:
        write_evaluation(draft, evaluation)
    for sentence in sentences(evaluation.figures):
        print(f"evaluate: {sentence}")


def _judge(
    judge: PairwiseJudge,
    prompts: Sequence[Prompt],
    seed: int,
    root: Path,
    engine: Engine,
    answers: Sequence[Row],
) -> tuple[list[Row], list[Rejection]]:
    """Judge every two policies' answers, as the stage `judge` does."""
    params = JudgeParams(judges=(judge,), seed=seed)
    pairs = select_pairs(prompts, answers, params)
    context = read_context(judge, params, root, answers)
    job = JudgeJob(judge, context, list(plan_comparisons(pairs.comparisons, judge, context)))
    judgments, failed = judgment_rows(judge, job.collect(engine.converse))
    return judgments.to_pylist(), [*pairs.rejections, *failed]


if __name__ == "__main__":
    run_stage(evaluate)
