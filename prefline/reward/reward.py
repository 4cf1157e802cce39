"""A trained reward model, read from its folder to be used: as a judge, or to pick an answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from prefline.config import Endpoint, RewardHeadParams
from prefline.errors import InputError
from prefline.llm import EmbeddingRequest, Engine, Reply
from prefline.reward.embed import embed, embedding_request
from prefline.reward.head import RewardHead
from prefline.reward.trained import Trained, read_trained
from prefline.stats import Floats
from prefline.tables.messages import Conversation

HEAD, WEIGHTS = "head.npy", "hf"


@dataclass(frozen=True, slots=True)
class HeadReward:
    """A reward head, and how its embeddings are had."""

    trained: Trained
    head: RewardHead
    params: RewardHeadParams

    def request(self, conversation: Conversation) -> EmbeddingRequest:
        """The request whose reply `of` takes."""
        return embedding_request(self.params, conversation)

    def of(self, reply: Reply) -> float:
        """The reward of the conversation that was asked about."""
        return float(self.head.rewards(np.array([reply.vector]))[0])


@dataclass(frozen=True, slots=True)
class TunedReward:
    """A language model with one output; it runs here, with the extra `train`."""

    trained: Trained
    folder: Path

    def of(self, conversations: Sequence[Conversation]) -> Floats:
        """Rewards, shape `(conversations,)`. Raises `WorkflowError` without the extra `train`."""
        from prefline.reward.scorer import score

        return score(self.folder / WEIGHTS, conversations)


Reward = HeadReward | TunedReward


def read_reward(folder: Path, endpoint: Endpoint | None = None) -> Reward:
    """The reward model in `folder`; a head's embeddings come from `endpoint`, or from the one
    that it was trained with.

    Raises `TableError` if there is no trained model, and `InputError` if it is a policy, or
    if `endpoint` is another model than the head was trained with.
    """
    trained = read_trained(folder)
    if trained.kind == "reward_model":
        return TunedReward(trained, folder)
    if trained.kind != "reward_head":
        raise InputError(
            f"{folder} holds a {trained.kind}, which gives no rewards",
            "name the folder of a reward_head or a reward_model",
        )
    params = RewardHeadParams.model_validate(trained.recipe)
    if endpoint is not None and endpoint.model != params.endpoint.model:
        raise InputError(
            f"{folder}: the reward head was trained on embeddings of {params.endpoint.model}, and "
            f"the endpoint's model is {endpoint.model}",
            "give it an endpoint of the model that it was trained with",
        )
    chosen = params.model_copy(update={"endpoint": endpoint}) if endpoint else params
    return HeadReward(trained, RewardHead.load(folder / HEAD), chosen)


def rewards_of(reward: Reward, engine: Engine, conversations: Sequence[Conversation]) -> Floats:
    """Rewards of conversations, shape `(conversations,)`, NaN where there is none since its
    embedding could not be had. Raises what `embed` and `TunedReward.of` do."""
    if isinstance(reward, TunedReward):
        return reward.of(conversations)
    found = embed(engine, reward.params, conversations)
    rewards = np.full(len(conversations), np.nan)
    if found.places:
        rewards[list(found.places)] = reward.head.rewards(found.vectors)
    return rewards
