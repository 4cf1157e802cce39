"""Requests to models, and the keys of their replies."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
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
