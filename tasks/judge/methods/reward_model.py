"""Judging by a trained reward model: the answer with the higher reward is better."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

from prefline.config import RewardModelJudge
from prefline.llm import Outcome
from prefline.reward.conversation import conversation_of
from prefline.reward.models import HeadReward, TunedReward
from prefline.tables import Rejection
from tasks.judge.comparisons import Comparison
from tasks.judge.kit import Kit
from tasks.judge.methods.charges import charge, replies_on
from tasks.judge.methods.sheet import answers_of, by_prompt
from tasks.judge.ruling import Hearing, Judged, Ruling, Verdict


def hearings(judge: RewardModelJudge, kit: Kit, plan: Iterable[Comparison]) -> Iterator[Hearing]:
    """One for each prompt: of a call for each of its answers where the model is a head on
    embeddings, of none where it runs here.

    p_first = 1 / (1 + e^-difference): rewards are log-odds, by the loss that they are trained with.
    """
    prompts = list(by_prompt(plan))
    if isinstance(kit.reward, TunedReward):
        rewards = _rewards(kit.reward, prompts)
        return (_known(comparisons, rewards) for comparisons in prompts)
    assert isinstance(kit.reward, HeadReward)
    reward = kit.reward
    return (_asking(judge, reward, comparisons) for comparisons in prompts)


def calls(judge: RewardModelJudge, kit: Kit, plan: Sequence[Comparison]) -> int:
    """One for each answer, of a head; none of a model that runs here."""
    del judge
    if not isinstance(kit.reward, HeadReward):
        return 0
    return sum(len(answers_of(comparisons)) for comparisons in by_prompt(plan))


def compare(first: float, second: float) -> Verdict:
    """The verdict that follows from two rewards."""
    why = f"rewards {first:.3f} and {second:.3f}"
    if first == second:
        return Verdict("tie", 0.5, why)
    # The logistic function of the difference, in a form that never overflows.
    p_first = 0.5 * (1 + math.tanh((first - second) / 2))
    return Verdict("first" if first > second else "second", p_first, why)


def _rewards(reward: TunedReward, prompts: Sequence[list[Comparison]]) -> dict[str, float]:
    """The reward of every answer, by its id, in one go."""
    listed = [
        (answer.response_id, conversation_of(comparisons[0].prompt.messages, answer.text))
        for comparisons in prompts
        for answer in answers_of(comparisons)
    ]
    found = reward.of([conversation for _, conversation in listed])
    return {response: float(one) for (response, _), one in zip(listed, found, strict=True)}


def _known(comparisons: list[Comparison], rewards: Mapping[str, float]) -> Hearing:
    ruling: Ruling = [
        Judged(one, compare(rewards[one.first.response_id], rewards[one.second.response_id]))
        for one in comparisons
    ]
    return ruling
    yield  # what makes it a dialogue, of no calls


def _asking(judge: RewardModelJudge, reward: HeadReward, comparisons: list[Comparison]) -> Hearing:
    heard: dict[str, Outcome] = {}
    messages = comparisons[0].prompt.messages
    for answer in answers_of(comparisons):
        heard[answer.response_id] = yield reward.request(conversation_of(messages, answer.text))
    charged: set[str] = set()
    return [_rule(judge, reward, one, heard, charged) for one in comparisons]


def _rule(
    judge: RewardModelJudge,
    reward: HeadReward,
    one: Comparison,
    heard: Mapping[str, Outcome],
    charged: set[str],
) -> Judged | Rejection:
    """The verdict on a pair; the keys of the calls that it is charged with are added to
    `charged`."""
    replies = replies_on(judge, one, heard)
    if isinstance(replies, Rejection):
        return replies
    verdict = compare(*(reward.of(reply) for reply in replies))
    return Judged(one, verdict, *charge(replies, charged))
