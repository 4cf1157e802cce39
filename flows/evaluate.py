"""Stage `evaluate`: is what was trained better, and than what."""

from __future__ import annotations

from functools import partial
from typing import Any

from prefect import flow

from flows.runtime.progress_artifact import progress_artifact
from flows.runtime.rate_limits import prefect_slots
from flows.runtime.stage import as_task, run_stage
from prefline.atomic import atomic_folder
from prefline.config import (
    Endpoint,
    EvaluateParams,
    JudgeParams,
    PairwiseJudge,
    Params,
    read_params,
)
from prefline.llm import Engine, open_engine
from prefline.llm.progress import Progress
from prefline.project import Project, find_project
from prefline.reward.needs import is_installed
from prefline.reward.reward import HeadReward, Reward, read_reward, rewards_of
from prefline.reward.trained import read_trained
from prefline.reward.version import read_version
from prefline.sources import watched_file
from prefline.tables.messages import answered
from prefline.tables.prompts import read_prompts
from tasks.evaluate import (
    Evaluation,
    Score,
    checked_pairs,
    divergence,
    drawn_prompts,
    figures_of_picks,
    figures_of_policy,
    figures_of_wins,
    figures_on_pairs,
    first_answers,
    outcomes_by_prompt,
    own_words,
    pair_of_preference,
    policies_on_trial,
    read_human,
    reward_by_prompt,
    sentences,
    try_policy,
    wins_by_prompt,
    write_evaluation,
)
from tasks.judge.context import JudgeContext
from tasks.judge.jobs import JudgeJob, plan_comparisons
from tasks.judge.pairs import select_pairs
from tasks.judge.results import judgment_rows


@flow(name="evaluate")
def evaluate() -> None:
    """Write `data/evaluation`."""
    project = find_project()
    params = read_params(project.params)
    section, trained = params.evaluate, read_trained(project.table("model"))
    prompts = drawn_prompts(read_prompts(project.table("held_out")), section)
    policies = policies_on_trial(trained, section.policy, project.table("model"))
    reward = None if trained.kind == "policy" else read_reward(project.table("model"))
    endpoints = [*policies.values(), *_others(project, reward, section)]
    calls = len(prompts) * section.policy.samples_per_prompt * len(policies)
    calls += len(prompts) if trained.kind == "policy" and section.policy.divergence else 0

    with (
        prefect_slots(endpoints) as acquire_slots,
        open_engine(project, endpoints, params.engine, acquire_slots=acquire_slots) as engine,
        Progress("evaluate", calls, engine) as progress,
        progress_artifact("evaluate", progress),
    ):
        trials = {
            name: as_task(try_policy)(engine, prompts, one.model, section)
            for name, one in policies.items()
        }
        found = Evaluation(trained, prompts, trials, section.seed)
        if reward is not None:
            _on_reward(found, project, params, partial(rewards_of, reward, engine))
        else:
            _on_policy(found, project, section, engine)

    with atomic_folder(project.table("evaluation")) as draft:
        write_evaluation(draft, found)
    for sentence in sentences(found.figures):
        print(f"evaluate: {sentence}")


def _others(project: Project, reward: Reward | None, section: EvaluateParams) -> list[Endpoint]:
    """The endpoints that are asked beside the policies: for embeddings, or to judge."""
    judge = section.policy.judge
    used = reward or _proxy_of(project, section)
    asked = [used.params.endpoint] if isinstance(used, HeadReward) else []
    return [*asked, *([judge.endpoint] if judge and reward is None else [])]


def _proxy_of(project: Project, section: EvaluateParams) -> Reward | None:
    if section.policy.proxy is None:
        return None
    return read_reward(watched_file(project.root, section.policy.proxy, "data/imported/models"))


def _on_reward(found: Evaluation, project: Project, params: Params, score: Score) -> None:
    """A reward model on pairs of the version's split test, on answers to held-out prompts, and on
    tables that people labelled."""
    version = read_version(project, params.publish)
    tables = [read_human(one, project.root, found.seed) for one in params.evaluate.human]
    found.left_out += [one for table in tables for one in table.rejections]
    pairs = {
        "test": [pair_of_preference(row) for row in version.rows("test")],
        "held_out": checked_pairs(found.prompts, found.trials["base"].rows),
        **{f"human.{table.name}": table.pairs for table in tables},
    }
    found.figures["pairs"] = as_task(figures_on_pairs)(pairs, score, found.seed)
    rows = found.trials["base"].rows
    found.figures["best_of"] = as_task(figures_of_picks)(found.prompts, rows, score, found.seed)


def _on_policy(
    found: Evaluation, project: Project, section: EvaluateParams, engine: Engine
) -> None:
    """A trained policy beside its base and the one before; by a judge too, where there is one; and
    how far it has moved, where its weights are here."""
    proxy = _proxy_of(project, section)
    templates = {one.template for one in read_prompts(project.table("prompts")) if one.template}
    found.figures |= as_task(figures_of_policy)(found.prompts, templates, found.trials, found.seed)
    found.outcomes |= outcomes_by_prompt(found.prompts, templates, found.trials)
    found.outcomes |= {"wins": {}, "proxy": {}}
    if section.policy.judge is not None:
        judgments = as_task(_verdicts)(section.policy.judge, found, engine)
        found.figures["wins"] = figures_of_wins(judgments, found.trials, found.seed)
        found.outcomes["wins"] = wins_by_prompt(judgments, found.trials)
    if proxy is not None:
        found.outcomes["proxy"] = as_task(_proxy)(proxy, found, engine)
    weights = project.table("model") / "hf"
    if section.policy.divergence and weights.is_dir() and is_installed():
        rows = as_task(own_words)(engine, found.prompts, found.trials["tuned"].model, section)
        base = (found.trained.base, project.root)
        found.figures["kl"] = as_task(divergence)(found.prompts, rows, weights, base, found.seed)


def _proxy(reward: Reward, found: Evaluation, engine: Engine) -> dict[str, dict[str, float]]:
    """What the reward model that judged says of each policy, by prompt."""
    messages = {one.prompt_id: one.messages for one in found.prompts}
    rewards = {}
    for name, trial in found.trials.items():
        said = [answered(messages[row["prompt_id"]], row["text"]) for row in trial.rows]
        rewards[name] = reward_by_prompt(trial.rows, rewards_of(reward, engine, said))
    return rewards


def _verdicts(judge: PairwiseJudge, found: Evaluation, engine: Engine) -> list[dict[str, Any]]:
    """What the judge says of every two policies' first answers, as rows of `judgments`."""
    params = JudgeParams(judges=(judge,), seed=found.seed)
    pairs = select_pairs(found.prompts, first_answers(found.trials), params)
    context = JudgeContext(seed=found.seed)
    job = JudgeJob(judge, context, list(plan_comparisons(pairs.comparisons, judge, context)))
    judgments, failed = judgment_rows(judge, engine.converse(job.tasks()))
    found.left_out += [*pairs.rejections, *failed]
    return judgments.to_pylist()


if __name__ == "__main__":
    run_stage(evaluate)
