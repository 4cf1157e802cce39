"""What is asked of a model."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import orjson

from prefline.ids import content_hash
from prefline.messages import Message


@dataclass(frozen=True, slots=True)
class Sampling:
    """How tokens are drawn. `temperature` 0 is greedy; `max_tokens` bounds the reply."""

    temperature: float
    top_p: float
    max_tokens: int
    seed: int


@dataclass(frozen=True)
class Request:
    """One call. `tag` is the caller's own id for it and no part of what is asked."""

    model: str
    messages: tuple[Message, ...]
    sampling: Sampling
    sample_index: int = 0
    top_logprobs: int = 0
    tag: str = ""

    @cached_property
    def body(self) -> dict[str, Any]:
        """The JSON body of `POST /chat/completions`."""
        body: dict[str, Any] = {
            "model": self.model,
            "messages": list(self.messages),
            "temperature": self.sampling.temperature,
            "top_p": self.sampling.top_p,
            "max_tokens": self.sampling.max_tokens,
            "seed": self.sampling.seed,
        }
        if self.top_logprobs:
            body |= {"logprobs": True, "top_logprobs": self.top_logprobs}
        return body

    @cached_property
    def encoded(self) -> bytes:
        """The body as it is sent."""
        return orjson.dumps(self.body)

    @cached_property
    def key(self) -> str:
        """Hash (32 hex digits) of everything that can change the reply, and nothing else:
        not the endpoint's URL, key or price, and not the tag."""
        return content_hash([self.body, self.sample_index])[:32]
