"""Of a prompt's answers those that a reward model likes best, and least: fewer pairs to judge, and
each further apart (best-of-n; with the worst beside it West-of-N, Pace et al. 2024, arXiv
2401.12086)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from prefline.config import BestOf, GenerateParams
from prefline.errors import InputError
from prefline.llm import Failure, Steps
from prefline.reward.conversation import conversation_of
from prefline.reward.models import HeadReward, read_reward
from prefline.sources import given_file
from prefline.tables import Rejection
from prefline.tables.prompts import Prompt
from tasks.generate.candidate import Candidate, Ended

NOT_PICKED = "not_best_of_n"
# Reward, id (which breaks ties) and answer.
Rewarded = tuple[float, str, Candidate]


def read_picker(params: GenerateParams, root: Path) -> HeadReward | None:
    """The reward head that picks; None where params ask for none.

    Raises `TableError` if there is no trained model, and `InputError` for one that is no reward
    head, lies elsewhere, or was trained on other embeddings than the endpoint's.
    """
    if params.best_of is None:
        return None
    path = given_file(root, params.best_of.path, "data/imported/models")
    reward = read_reward(path, params.best_of.endpoint)
    if not isinstance(reward, HeadReward):
        raise InputError(
            f"generate.best_of: {params.best_of.path} is a language model, and picks nothing here",
            "name a reward_head; a reward_model can be a judge (judge.judges)",
        )
    return reward


def pick(
    prompt: Prompt, samples: Iterable[Steps[Ended]], reward: HeadReward, rule: BestOf
) -> Steps[Ended]:
    """A prompt's samples, one after another, then what is picked of their answers.

    The others are rejections that name their reward. What was paid for them is billed to the
    answer that was picked over them.
    """
    ended: Ended = []
    for steps in samples:
        ended += yield from steps
    answers = [one for one in ended if isinstance(one, Candidate)]
    lost = [one for one in ended if isinstance(one, Rejection)]
    rewarded, unpicked = list[Rewarded](), list[Candidate]()
    for one in answers:
        outcome = yield reward.request(conversation_of(prompt.messages, one.text))
        if isinstance(outcome, Failure):
            lost.append(_rejected(one, outcome.reason, f"no reward: {outcome.detail}"))
            unpicked.append(one)
        else:
            one.calls.append(outcome)
            rewarded.append((reward.of(outcome), one.response_id, one))
    ranked = sorted(rewarded, key=lambda one: (-one[0], one[1]))
    picked, others = _split(ranked, rule)
    lost += [_passed_over(one, ranked[0][0]) for one in others]
    unpicked += [answer for _, _, answer in others]
    for one in unpicked:
        if picked:
            picked[0].calls.extend(one.calls)
    return [*picked, *lost]


def _split(ranked: Sequence[Rewarded], rule: BestOf) -> tuple[list[Candidate], Sequence[Rewarded]]:
    """What is picked, best first, and the rest."""
    last = len(ranked) - 1 if rule.keep == "best_and_worst" and len(ranked) > 1 else len(ranked)
    picked = [*ranked[:1], *ranked[last:]]
    return [answer for _, _, answer in picked], ranked[1:last]


def _passed_over(one: Rewarded, best: float) -> Rejection:
    reward, _, answer = one
    return _rejected(answer, NOT_PICKED, f"reward {reward:.3f}, the best {best:.3f}")


def _rejected(answer: Candidate, reason: str, detail: str) -> Rejection:
    return Rejection("generate", "response", answer.response_id, reason, detail)
