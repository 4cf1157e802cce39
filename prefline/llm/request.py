"""Requests to models, and the keys of their replies."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar, overload

import orjson

from prefline.ids import content_hash
from prefline.tables.messages import Message, uses_tools


@dataclass(frozen=True, slots=True)
class Sampling:
    """Sampling parameters. `temperature` 0 is greedy; `max_tokens` bounds the reply."""

    temperature: float
    top_p: float
    max_tokens: int
    seed: int


def sent_messages(messages: Sequence[Message]) -> list[Any]:
    """Return messages as OpenAI takes them: arguments of calls as text, an id for each call and
    the result of it. Reasoning is not sent: each vendor has rules of its own for that."""
    if not uses_tools(messages):
        return list(messages)
    sent, waiting, number = list[dict[str, Any]](), list[str](), 0
    for message in messages:
        turn: dict[str, Any] = {"role": message["role"], "content": message["content"]}
        if message["role"] == "tool":
            turn["tool_call_id"] = message.get("tool_call_id") or (waiting[0] if waiting else "")
            waiting = [identity for identity in waiting if identity != turn["tool_call_id"]]
        elif calls := message.get("tool_calls"):
            waiting = []
            turn["content"], turn["tool_calls"] = message["content"] or None, []
            for call in calls:
                function = call["function"]
                given = function["arguments"]
                text = given if isinstance(given, str) else orjson.dumps(given).decode()
                waiting.append(call.get("id") or f"call_{number}")
                number += 1
                turn["tool_calls"].append(
                    {
                        "id": waiting[-1],
                        "type": "function",
                        "function": {"name": function["name"], "arguments": text},
                    }
                )
        sent.append(turn)
    return sent


T = TypeVar("T")


class Once(Generic[T]):
    """A property that is computed once, without the lock of Python 3.11's `cached_property`, which
    costs a microsecond a request."""

    def __init__(self, compute: Callable[[Any], T]) -> None:
        self._compute = compute
        self.__doc__ = compute.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Once[T]: ...
    @overload
    def __get__(self, instance: object, owner: type) -> T: ...
    def __get__(self, instance: object | None, owner: type) -> Once[T] | T:
        if instance is None:
            return self
        value = instance.__dict__[self._name] = self._compute(instance)
        return value


@dataclass(frozen=True)
class Request:
    """One call. `response_format` and `tools` are JSON as OpenAI takes them, None for free text
    and for no tools; `tag` is the caller's own id for the call, which is not sent. `variant` is set
    by the engine: what its endpoint sends otherwise (`wire.variant_of`), where that may change the
    reply."""

    model: str
    messages: tuple[Message, ...]
    sampling: Sampling
    sample_index: int = 0
    top_logprobs: int = 0
    tag: str = ""
    response_format: str | None = None
    variant: str | None = None
    tools: str | None = None

    path: ClassVar[str] = "/chat/completions"

    @Once
    def body(self) -> dict[str, Any]:
        """Return the JSON body of `POST /chat/completions`."""
        body: dict[str, Any] = {
            "model": self.model,
            "messages": sent_messages(self.messages),
            "temperature": self.sampling.temperature,
            "top_p": self.sampling.top_p,
            "max_tokens": self.sampling.max_tokens,
            "seed": self.sampling.seed,
        }
        if self.top_logprobs:
            body |= {"logprobs": True, "top_logprobs": self.top_logprobs}
        if self.response_format is not None:
            body["response_format"] = orjson.loads(self.response_format)
        if self.tools is not None:
            body["tools"] = orjson.loads(self.tools)
        return body

    @Once
    def encoded(self) -> bytes:
        """Return the body as it is sent."""
        # A copy: orjson leaves a kilobyte in a buffer of eight, for as long as it is kept.
        return bytes(memoryview(orjson.dumps(self.body)))

    @Once
    def key(self) -> str:
        """Hash (32 hex digits) of everything that can change the reply, and nothing else:
        not the endpoint's URL, key or price, and not the tag."""
        if self.variant is None:
            return content_hash([self.body, self.sample_index])[:32]
        return content_hash([self.body, self.sample_index, self.variant])[:32]

    def as_variant(self, variant: str | None) -> Request:
        """Return the same request as it is sent to an endpoint with this variant."""
        if variant == self.variant:
            return self
        other = copy.copy(self)
        other.__dict__.pop("key", None)
        object.__setattr__(other, "variant", variant)
        return other


_NO_SAMPLING = Sampling(temperature=0.0, top_p=1.0, max_tokens=0, seed=0)


class EmbeddingRequest(Request):
    """A request for the embedding of a text, which is kept as the only message."""

    path: ClassVar[str] = "/embeddings"

    def __init__(self, model: str, text: str, tag: str = "") -> None:
        super().__init__(model, ({"role": "user", "content": text},), _NO_SAMPLING, tag=tag)

    @Once
    def body(self) -> dict[str, Any]:
        """Return the JSON body of `POST /embeddings`."""
        return {
            "model": self.model,
            "input": self.messages[0]["content"],
            "encoding_format": "float",
        }


_WITHOUT_ACTIVATION: Mapping[str, Any] = {"use_activation": False}
"""Asks vLLM for what the head gives: by default it makes probabilities of it, in which two good
answers are as good as equal."""


class RewardRequest(Request):
    """A request for what a served reward model says of a conversation.

    `text` is the conversation by the model's own chat template, for a server that applies none.
    `path` is below the address of the server, which is `base_url` without its `/v1`; `options` are
    sent beside the conversation.
    """

    options: ClassVar[Mapping[str, Any]] = {}
    text_field: ClassVar[str] = "input"
    """The name under which the API takes a text."""

    def __init__(
        self, model: str, messages: tuple[Message, ...], text: str | None = None, tag: str = ""
    ) -> None:
        super().__init__(model, messages, _NO_SAMPLING, tag=tag)
        object.__setattr__(self, "text", text)

    text: ClassVar[str | None]

    @Once
    def body(self) -> dict[str, Any]:
        """Return the JSON body."""
        if self.text is not None:
            return {"model": self.model, self.text_field: self.text, **self.options}
        return {"model": self.model, "messages": list(self.messages), **self.options}

    @Once
    def key(self) -> str:
        """Hash of everything that can change the reply; the APIs have the same bodies."""
        variant = [] if self.variant is None else [self.variant]
        return content_hash([self.path, self.body, self.sample_index, *variant])[:32]

    @staticmethod
    def values(content: dict[str, Any]) -> tuple[float, ...]:
        """Return the numbers of an answer: the rewards, or scores by class, of the conversation.

        Raises `KeyError`, `TypeError`, `IndexError` or `ValueError` for another shape.
        """
        raise NotImplementedError


class PoolingRequest(RewardRequest):
    """vLLM's `POST /pooling`, which gives one vector, or one for each token, of which the last
    counts (https://docs.vllm.ai/en/latest/models/pooling_models/reward/)."""

    path: ClassVar[str] = "/pooling"
    options: ClassVar[Mapping[str, Any]] = _WITHOUT_ACTIVATION

    @staticmethod
    def values(content: dict[str, Any]) -> tuple[float, ...]:
        """Return the last vector."""
        vector = content["data"][0]["data"]
        while isinstance(vector, list) and isinstance(vector[-1], list):
            vector = vector[-1]
        return _numbers(vector)


class ClassifyRequest(RewardRequest):
    """vLLM's `POST /classify`, which gives a number for each class
    (https://docs.vllm.ai/en/latest/models/pooling_models/classify/)."""

    path: ClassVar[str] = "/classify"
    options: ClassVar[Mapping[str, Any]] = _WITHOUT_ACTIVATION

    @staticmethod
    def values(content: dict[str, Any]) -> tuple[float, ...]:
        """Return the numbers of the classes."""
        return _numbers(content["data"][0]["probs"])


class SglangRequest(RewardRequest):
    """SGLang's own `POST /classify`, which takes text and gives what the head says as an embedding
    (https://docs.sglang.io/docs/basic_usage/native_api)."""

    path: ClassVar[str] = "/classify"
    text_field: ClassVar[str] = "text"

    @staticmethod
    def values(content: dict[str, Any]) -> tuple[float, ...]:
        """Return the numbers."""
        return _numbers(content["embedding"])


class RewardsRequest(RewardRequest):
    """`POST /v1/rewards` of a server of one's own, since neither vLLM nor SGLang has that path:
    answered as embeddings are, with `reward`, or `score`, in `data`."""

    path: ClassVar[str] = "/v1/rewards"

    @staticmethod
    def values(content: dict[str, Any]) -> tuple[float, ...]:
        """Return the reward."""
        entry = content["data"][0]
        value = entry["reward"] if "reward" in entry else entry["score"]
        return _numbers(value if isinstance(value, list) else [value])


REWARD_REQUESTS: dict[str, type[RewardRequest]] = {
    "pooling": PoolingRequest,
    "classify": ClassifyRequest,
    "sglang": SglangRequest,
    "rewards": RewardsRequest,
}
"""By the name of the API in `api` of a judge."""


def _numbers(values: Any) -> tuple[float, ...]:
    numbers = tuple(float(value) for value in values)
    if not numbers or not all(map(math.isfinite, numbers)):
        raise ValueError(f"no finite numbers: {values!r}"[:200])
    return numbers
