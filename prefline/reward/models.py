"""Trained models on disk, and reward models read from them to judge or to pick an answer.

A trained model is a folder whose `model.json`, written last, describes it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import numpy as np
import orjson

from prefline.config import Endpoint, RewardHeadParams
from prefline.errors import InputError, TableError
from prefline.llm import EmbeddingRequest, Engine, Failure, Reply
from prefline.reward.head import RewardHead, embed, embedding_request
from prefline.stats import Floats
from prefline.tables.messages import Conversation

_AT_ONCE = 4_096  # embeddings that are held
NOTE, HEAD, WEIGHTS, POLICY = "model.json", "head.npy", "hf", "policy.gguf"
Kind = Literal["reward_head", "reward_model", "policy"]


@dataclass(frozen=True, slots=True)
class Trained:
    """The content of `model.json`.

    `name` is unique to the model's content, so that replies of it can be told apart; `data` is
    the version it was trained on (store, dataset, version, content); `base` the model it started
    from; `recipe` the section `train`; `figures` are those of the training; `files` the SHA-256
    of every other file in the folder, by name.
    """

    kind: Kind
    name: str
    data: dict[str, Any]
    base: str
    recipe: dict[str, Any]
    figures: dict[str, Any] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)


def write_trained(folder: Path, trained: Trained) -> None:
    """Write `model.json` of a model whose files are in `folder`."""
    content = orjson.dumps(asdict(trained), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)
    (folder / NOTE).write_bytes(content)


def read_trained(folder: Path) -> Trained:
    """Read `model.json` of a model. Raises `TableError` if there is none, or no whole one."""
    try:
        return Trained(**orjson.loads((folder / NOTE).read_bytes()))
    except FileNotFoundError as error:
        raise TableError(
            f"{folder} holds no trained model: {NOTE} is missing", "run `dvc repro train`"
        ) from error
    except (orjson.JSONDecodeError, TypeError) as error:
        raise TableError(
            f"{folder / NOTE} is no note of a trained model: {error}", "run `dvc repro train`"
        ) from error


@dataclass(frozen=True, slots=True)
class HeadReward:
    """A reward head, and the params by which conversations are embedded for it."""

    trained: Trained
    head: RewardHead
    params: RewardHeadParams

    def request(self, conversation: Conversation) -> EmbeddingRequest:
        """Return the request whose reply `of` takes."""
        return embedding_request(self.params, conversation)

    def of(self, reply: Reply) -> float:
        """Return the reward of the requested conversation."""
        return float(self.head.rewards(np.array([reply.vector]))[0])


@dataclass(frozen=True, slots=True)
class TunedReward:
    """A language model with one output; it runs here, with the extra `train`."""

    trained: Trained
    folder: Path

    def of(self, conversations: Iterable[Conversation]) -> Floats:
        """Return rewards, shape `(conversations,)`.

        Raises `WorkflowError` without the extra `train`.
        """
        from prefline.reward.language_models import score

        return score(self.folder / WEIGHTS, conversations)


Reward = HeadReward | TunedReward


def read_reward(folder: Path, endpoint: Endpoint | None = None) -> Reward:
    """Read the reward model in `folder`.

    A head's embeddings come from `endpoint`, or from the one that it was trained with. Raises
    `TableError` if there is no trained model, and `InputError` if it is a policy, or if
    `endpoint` serves another model than the head was trained with.
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
    if endpoint is not None:
        params = params.model_copy(update={"endpoint": endpoint})
    return HeadReward(trained, RewardHead.load(folder / HEAD), params)


def rewards_of(reward: Reward, engine: Engine, conversations: Iterable[Conversation]) -> Floats:
    """Return rewards of conversations, shape `(conversations,)`, NaN where embedding failed.

    Raises what `embed` and `TunedReward.of` do.
    """
    if isinstance(reward, TunedReward):
        return reward.of(conversations)
    found = embed(engine, reward.params, conversations)
    rewards = [np.empty(0)]
    while block := list(islice(found, _AT_ONCE)):
        scored = [place for place, one in enumerate(block) if not isinstance(one, Failure)]
        rewards.append(np.full(len(block), np.nan))
        if scored:
            vectors = np.array([block[place] for place in scored], dtype=np.float64)
            rewards[-1][scored] = reward.head.rewards(vectors)
    return np.concatenate(rewards)
