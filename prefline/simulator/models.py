"""All models of a config: generators, judges and an embedder."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import replace
from typing import Any, Protocol

from prefline.simulator.config import SimulatorConfig
from prefline.simulator.dialects import front_of, with_reasoning
from prefline.simulator.generator import GeneratorModel
from prefline.simulator.judge import JudgeModel
from prefline.simulator.truth import candidates_in
from prefline.simulator.wire import (
    Answer,
    ApiError,
    ChatRequest,
    Usage,
    completion,
    decode,
    parse_chat,
)

EMBEDDER = "sim-embedder"
DIMENSIONS = 16
_HALF_RANGE = 2**31
_NOISE = 0.5  # of each number, evenly from minus to plus that


class Model(Protocol):
    """A generator or a judge."""

    def answer(self, request: ChatRequest, sample: int) -> Answer:
        """Return the `sample`-th choice, a function of the arguments."""
        ...


class Models:
    """Answers chat completions, live and in batches alike, as a function of config and request."""

    def __init__(self, config: SimulatorConfig) -> None:
        self._models: dict[str, Model] = {
            **{name: GeneratorModel(spec) for name, spec in config.generators.items()},
            **{name: JudgeModel(spec) for name, spec in config.judges.items()},
        }
        self._seed = config.seed
        self._usage = Usage(config.cached_share, config.reasoning_tokens)
        front = front_of(config.dialect)
        self._reasoning = config.reasoning or front.reasoning
        self._knows_seeds = front.knows_seeds
        self._has_logprobs = config.logprobs and front.has_logprobs

    @property
    def names(self) -> list[str]:
        """Return the names of the models served, generators first."""
        return list(self._models)

    def parse(self, raw: bytes, attempt: int = 0) -> ChatRequest:
        """Return the request in a body, of which there were `attempt` earlier ones.

        Raises `ApiError` if it is malformed or its model is not served.
        """
        seed = self._seed if self._knows_seeds else self._seed + attempt
        chat = parse_chat(decode(raw), seed)
        if chat.model not in self._models:
            message = f"The model '{chat.model}' does not exist or you do not have access to it."
            raise ApiError(404, message, code="model_not_found", param="model")
        return chat

    def reply(self, chat: ChatRequest) -> dict[str, Any]:
        """Return the body of the chat completion."""
        answer = self._models[chat.model].answer
        if not self._has_logprobs:
            chat = replace(chat, top_logprobs=None)
        reply = completion(chat, [answer(chat, sample) for sample in range(chat.n)], self._usage)
        return reply if self._reasoning == "none" else with_reasoning(reply, self._reasoning)


def requested_model(raw: bytes) -> str:
    """Return the model that a malformed request names, for the log; empty if it names none."""
    body = decode(raw)
    return str(body.get("model", "")) if isinstance(body, dict) else ""


def embedding_reply(raw: bytes) -> dict[str, Any]:
    """Return the body of an answer to `POST /embeddings`, with one vector.

    Raises `ApiError` if the request is malformed or names another model than `EMBEDDER`.
    """
    body = decode(raw)
    if not isinstance(body, dict) or not isinstance(body.get("input"), str):
        raise ApiError(400, "Invalid 'input': it must be a string.", param="input")
    if body.get("model") != EMBEDDER:
        message = f"The model '{body.get('model')}' does not exist or gives no embeddings."
        raise ApiError(404, message, code="model_not_found", param="model")
    tokens = len(body["input"].split())
    return {
        "object": "list",
        "model": EMBEDDER,
        "data": [{"object": "embedding", "index": 0, "embedding": embed(body["input"])}],
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }


def embed(text: str) -> list[float]:
    """Return the embedding of a text: `DIMENSIONS` numbers of noise that only the text decides.

    The first one has the quality of the last simulated text in it added, so that a reward head
    can learn quality.
    """
    digest = hashlib.blake2b(text.encode(), digest_size=4 * DIMENSIONS).digest()
    integers = struct.unpack(f"<{DIMENSIONS}I", digest)
    vector = [_NOISE * (integer / _HALF_RANGE - 1.0) for integer in integers]
    candidates = candidates_in(text)
    vector[0] += candidates[-1].quality if candidates else 0.0
    return vector
