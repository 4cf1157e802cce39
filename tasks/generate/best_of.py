"""The answers to a prompt that a reward model likes best, and least: fewer pairs to judge, and each
further apart (best-of-n; with the worst beside it West-of-N, Pace et al. 2024, arXiv 2401.12086).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from prefline.config import BestOf, GenerateParams
from prefline.errors import InputError
from prefline.llm import Failure, Steps
from prefline.reward.models import HeadReward, read_reward
from prefline.sources import watched_file
from prefline.tables import Rejection
from prefline.tables.messages import conversation_of
from prefline.tables.prompts import Prompt
from tasks.generate.candidates import Candidate, SampleResult

NOT_PICKED = "not_best_of_n"


@dataclass(frozen=True, slots=True)
class _ScoredAnswer:
    reward: float
    answer: Candidate


def read_best_of_reward(params: GenerateParams, root: Path) -> HeadReward | None:
    """Return the reward head that picks; None where params ask for none.

    Raises `TableError` if there is no trained model, and `InputError` for one that is no reward
    head, lies elsewhere, or was trained on other embeddings than the endpoint's.
    """
    if params.best_of is None:
        return None
    path = watched_file(root, params.best_of.path, "data/imported/models")
    reward = read_reward(path, params.best_of.endpoint)
    if not isinstance(reward, HeadReward):
        raise InputError(
            f"generate.best_of: {params.best_of.path} is a language model, and picks nothing here",
            "name a reward_head; a reward_model can be a judge (judge.judges)",
        )
    return reward


def keep_best(
    prompt: Prompt, samples: Iterable[Steps[SampleResult]], reward: HeadReward, params: BestOf
) -> Steps[SampleResult]:
    """Run a prompt's samples one after another, and keep the answers that the reward head picks.

    The others are rejections that name their reward. What was paid for them is billed to the
    first answer that was picked.
    """
    results: SampleResult = []
    for steps in samples:
        results += yield from steps
    rejections = [result for result in results if isinstance(result, Rejection)]
    scored, unpicked = list[_ScoredAnswer](), list[Candidate]()
    for answer in (result for result in results if isinstance(result, Candidate)):
        outcome = yield reward.request(conversation_of(prompt.messages, answer.answer))
        if isinstance(outcome, Failure):
            rejections.append(answer.rejection(outcome.reason, f"no reward: {outcome.detail}"))
            unpicked.append(answer)
        else:
            answer.calls.append(outcome)
            scored.append(_ScoredAnswer(reward.of(outcome), answer))
    scored.sort(key=lambda score: (-score.reward, score.answer.response_id))
    keeps_worst = params.keep == "best_and_worst" and len(scored) > 1
    last = len(scored) - 1 if keeps_worst else len(scored)
    picked = [score.answer for score in (*scored[:1], *scored[last:])]
    for score in scored[1:last]:
        detail = f"reward {score.reward:.3f}, the best {scored[0].reward:.3f}"
        rejections.append(score.answer.rejection(NOT_PICKED, detail))
        unpicked.append(score.answer)
    for answer in unpicked:
        if picked:
            picked[0].calls.extend(answer.calls)
    return [*picked, *rejections]
