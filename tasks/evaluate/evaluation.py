"""An evaluation: what is read, what is asked, and the figures of a reward model or a policy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prefline.config import Endpoint, EvaluateParams, Params
from prefline.errors import TableError
from prefline.llm import Engine
from prefline.project import Project
from prefline.reward.language_models import has_train_extra
from prefline.reward.models import (
    WEIGHTS,
    HeadReward,
    Reward,
    Trained,
    read_reward,
    read_trained,
    rewards_of,
)
from prefline.reward.version import read_version
from prefline.sources import watched_file
from prefline.tables import Rejection, read_table
from prefline.tables.messages import conversation_of
from prefline.tables.prompts import Prompt, read_prompts
from tasks.evaluate.divergence import divergence
from tasks.evaluate.human import HumanTable, Pairs, PreferencePairs, read_human
from tasks.evaluate.policy import (
    figures_of_policy,
    figures_of_wins,
    first_answers,
    outcomes_by_prompt,
    reward_by_prompt,
    wins_by_prompt,
)
from tasks.evaluate.reward_model import checked_pairs, figures_of_picks, figures_on_pairs
from tasks.evaluate.trial import (
    BASE,
    TUNED,
    Row,
    Trial,
    draw_prompts,
    policies_on_trial,
    sample_for_divergence,
    try_policies,
)

# Judges answers (rows of `responses`): judgments, and what could not be judged.
JudgeAnswers = Callable[[Sequence[Row]], tuple[list[Row], list[Rejection]]]


@dataclass(frozen=True, slots=True)
class Inputs:
    """The inputs of an evaluation.

    `reward` is the trained reward model, None for a policy; `proxy` the reward model that judged,
    where one is named; `seen_templates` are those of the prompts that training saw. Test pairs and
    human tables are those that a reward model is tried on, and none for a policy.
    """

    root: Path
    folder: Path
    trained: Trained
    held_out: Sequence[Prompt]
    seen_templates: frozenset[str]
    reward: Reward | None
    proxy: Reward | None
    test_pairs: Pairs
    human_tables: Sequence[HumanTable]


@dataclass(frozen=True, slots=True)
class EvaluationPlan:
    """The prompts to try policies on, the policies by their part, and every endpoint asked.

    `calls` are those to the policies, as far as they are known before.
    """

    prompts: Sequence[Prompt]
    policies: Mapping[str, Endpoint]
    endpoints: Sequence[Endpoint]
    calls: int


@dataclass(slots=True)
class Evaluation:
    """The figures of an evaluation, outcomes by prompt, and what is in none of them."""

    figures: dict[str, Any] = field(default_factory=dict)
    outcomes: dict[str, Any] = field(default_factory=dict)
    left_out: list[Rejection] = field(default_factory=list)

    @staticmethod
    def of(trained: Trained, trials: Mapping[str, Trial]) -> Evaluation:
        """Return an evaluation that has the model, the cost of the trials and their failures."""
        cost_usd = sum(row["cost_usd"] for trial in trials.values() for row in trial.rows)
        return Evaluation(
            figures={"model": trained.name, "kind": trained.kind, "cost_usd": cost_usd},
            left_out=[rejection for trial in trials.values() for rejection in trial.left_out],
        )


def read_inputs(project: Project, params: Params) -> Inputs:
    """Read everything that an evaluation compares. Raises what reading the parts does."""
    section, folder = params.evaluate, project.table("model")
    trained = read_trained(folder)
    is_policy = trained.kind == "policy"
    test_pairs: Pairs = ()
    if not is_policy:
        test_pairs = PreferencePairs(read_version(project, params.publish).rows("test"))
    human = () if is_policy else section.human
    return Inputs(
        root=project.root,
        folder=folder,
        trained=trained,
        held_out=read_prompts(project.table("held_out")),
        seen_templates=_templates(project) if is_policy else frozenset(),
        reward=None if is_policy else read_reward(folder),
        proxy=_read_proxy(project, section) if is_policy else None,
        test_pairs=test_pairs,
        human_tables=[read_human(table, project.root, section.seed) for table in human],
    )


def _templates(project: Project) -> frozenset[str]:
    """Return the templates of the prompts that training saw."""
    column = read_table(project.table("prompts"), columns=["template"])["template"]
    return frozenset(template for template in column.unique().to_pylist() if template)


def _read_proxy(project: Project, section: EvaluateParams) -> Reward | None:
    if section.policy.proxy is None:
        return None
    return read_reward(watched_file(project.root, section.policy.proxy, "data/imported/models"))


def plan_evaluation(inputs: Inputs, section: EvaluateParams) -> EvaluationPlan:
    """Decide what to ask of whom; no policy is tried for a reward model where no prompt is held
    out that one could be tried on, as in tables of people's labels.

    Raises `TableError` where there is nothing at all to measure by, before anything is asked, and
    what `policies_on_trial` does.
    """
    test = section.policy
    prompts = draw_prompts(inputs.held_out, section)
    if not prompts:
        _require_pairs(inputs)
    policies = policies_on_trial(inputs.trained, test, inputs.folder) if prompts else {}
    endpoints = list(policies.values())
    used = inputs.reward or inputs.proxy
    if isinstance(used, HeadReward):
        endpoints.append(used.params.endpoint)
    if test.judge is not None and inputs.reward is None:
        endpoints.append(test.judge.endpoint)
    calls = len(prompts) * test.samples_per_prompt * len(policies)
    if inputs.reward is None and test.divergence:
        calls += len(prompts)
    return EvaluationPlan(prompts, policies, endpoints, calls)


def _require_pairs(inputs: Inputs) -> None:
    if inputs.reward is None:
        raise TableError(
            "no prompt is held out that a policy could be tried on",
            "set sample.hold_out, and give prompts a verifier",
        )
    if not len(inputs.test_pairs) and not any(table.pairs for table in inputs.human_tables):
        raise TableError(
            "there is nothing to measure the reward model by: the version has no rows of the split "
            "test, no table is named under evaluate.human, and no prompt is held out",
            "publish more pairs (a split takes whole prompts), name a table under evaluate.human, "
            "or set sample.hold_out",
        )


def evaluate_model(
    inputs: Inputs,
    plan: EvaluationPlan,
    section: EvaluateParams,
    engine: Engine,
    judge_answers: JudgeAnswers | None,
) -> Evaluation:
    """Try the policies and measure the trained model.

    Raises what the engine and the measures raise.
    """
    trials = try_policies(engine, plan.prompts, plan.policies, section)
    evaluation = Evaluation.of(inputs.trained, trials)
    if inputs.reward is not None:
        _measure_reward_model(evaluation, inputs, inputs.reward, plan, trials, section, engine)
    else:
        _measure_policy(evaluation, inputs, plan, trials, section, engine, judge_answers)
    return evaluation


def _measure_reward_model(
    evaluation: Evaluation,
    inputs: Inputs,
    reward: Reward,
    plan: EvaluationPlan,
    trials: Mapping[str, Trial],
    section: EvaluateParams,
    engine: Engine,
) -> None:
    """Measure it on test pairs, on answers to held-out prompts, and on human tables."""
    rows = trials[BASE].rows if BASE in trials else []
    evaluation.left_out += [row for table in inputs.human_tables for row in table.rejections]
    pairs: dict[str, Pairs] = {
        "test": inputs.test_pairs,
        "held_out": checked_pairs(plan.prompts, rows),
        **{f"human.{table.name}": table.pairs for table in inputs.human_tables},
    }

    def score(conversations: Iterable[Any]) -> Any:
        return rewards_of(reward, engine, conversations)

    evaluation.figures["pairs"] = figures_on_pairs(pairs, score, section.seed)
    if plan.prompts:
        evaluation.figures["best_of"] = figures_of_picks(plan.prompts, rows, score, section.seed)
    else:
        evaluation.figures["not_measured"] = [
            "picking among a policy's answers, since no prompt is held out that has a verifier "
            "(sample.hold_out)"
        ]


def _measure_policy(
    evaluation: Evaluation,
    inputs: Inputs,
    plan: EvaluationPlan,
    trials: Mapping[str, Trial],
    section: EvaluateParams,
    engine: Engine,
    judge_answers: JudgeAnswers | None,
) -> None:
    """Measure it beside its base and the policy before it.

    A judge and a proxy take part where they are named, and the divergence from the base where its
    weights are here.
    """
    figures, outcomes, seed = evaluation.figures, evaluation.outcomes, section.seed
    figures |= figures_of_policy(plan.prompts, inputs.seen_templates, trials, seed)
    outcomes |= outcomes_by_prompt(plan.prompts, inputs.seen_templates, trials)
    outcomes |= {"wins": {}, "proxy": {}}
    if judge_answers is not None:
        judgments, left_out = judge_answers(first_answers(trials))
        evaluation.left_out += left_out
        figures["wins"] = figures_of_wins(judgments, trials, seed)
        outcomes["wins"] = wins_by_prompt(judgments, trials)
    if inputs.proxy is not None:
        outcomes["proxy"] = _proxy_rewards(inputs.proxy, plan.prompts, trials, engine)
    weights = inputs.folder / WEIGHTS
    if section.policy.divergence and weights.is_dir() and has_train_extra():
        rows = sample_for_divergence(engine, plan.prompts, trials[TUNED].model, section)
        figures["kl"] = divergence(
            plan.prompts, rows, weights, base=inputs.trained.base, root=inputs.root, seed=seed
        )


def _proxy_rewards(
    proxy: Reward, prompts: Sequence[Prompt], trials: Mapping[str, Trial], engine: Engine
) -> dict[str, dict[str, float]]:
    """Return the rewards of each policy's answers by prompt, by the reward model that judged."""
    messages = {prompt.prompt_id: prompt.messages for prompt in prompts}
    rewards = {}
    for name, trial in trials.items():
        conversations = [
            conversation_of(messages[row["prompt_id"]], row["text"]) for row in trial.rows
        ]
        rewards[name] = reward_by_prompt(trial.rows, rewards_of(proxy, engine, conversations))
    return rewards
