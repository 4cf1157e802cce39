"""What the models answer: a function of config and request, live and in batches alike."""

from __future__ import annotations

from typing import Any, Protocol

import orjson

from prefline.simulator.config import SimulatorConfig
from prefline.simulator.generator import GeneratorModel
from prefline.simulator.judge import JudgeModel
from prefline.simulator.wire import Answer, ChatRequest, Refusal, Usage, completion, parse_chat


class Model(Protocol):
    """What answers under a model's name."""

    def answer(self, request: ChatRequest, sample: int) -> Answer:
        """The `sample`-th choice, a function of its arguments."""
        ...


class Answers:
    """All models of a config."""

    def __init__(self, config: SimulatorConfig) -> None:
        self._models: dict[str, Model] = {
            **{name: GeneratorModel(spec) for name, spec in config.generators.items()},
            **{name: JudgeModel(spec) for name, spec in config.judges.items()},
        }
        self._seed = config.seed
        self._usage = Usage(config.cached_share, config.reasoning_tokens)

    @property
    def models(self) -> list[str]:
        """Names of the models served, generators first."""
        return list(self._models)

    def parse(self, raw: bytes) -> ChatRequest | Refusal:
        """The request in a body, if it is well formed and its model is served."""
        chat = parse_chat(decoded(raw), self._seed)
        if isinstance(chat, ChatRequest) and chat.model not in self._models:
            message = f"The model '{chat.model}' does not exist or you do not have access to it."
            return Refusal(404, message, code="model_not_found", param="model")
        return chat

    def reply(self, chat: ChatRequest) -> dict[str, Any]:
        """The body of the chat completion."""
        answer = self._models[chat.model].answer
        return completion(chat, [answer(chat, sample) for sample in range(chat.n)], self._usage)


def decoded(raw: bytes) -> Any:
    """What the JSON says; None where it is none."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None


def named_model(raw: bytes) -> str:
    """The model that a refused request names, for the log; empty if it names none."""
    body = decoded(raw)
    return str(body.get("model", "")) if isinstance(body, dict) else ""
