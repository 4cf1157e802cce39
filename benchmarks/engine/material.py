"""What is asked: prompts of about 1 KB of varied text, as requests, bodies and rows."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.engine.peers.inputs import texts
from benchmarks.engine.stage import prompt_of
from prefline.llm import Request, Sampling
from prefline.simulator import Generator, SimulatorConfig
from prefline.tables.messages import Message
from prefline.tables.prompts import Prompt

MODEL = "sim-strong"
MAX_TOKENS = 256
_TEMPERATURE = 0.8
# Drawn once, since drawing a text takes longer than calling a model. A number makes each
# prompt another one; a reply store compresses every record by itself.
_TEXTS = texts(256)


def one_kilobyte(latency_ms: float = 0.0) -> SimulatorConfig:
    """A server that keeps no log and replies with about 1,000 characters."""
    generator = Generator(characters=1000, spread=0.0)
    latency = {"ms": latency_ms}
    return SimulatorConfig(generators={MODEL: generator}, latency=latency, fast=True)


def prompts(count: int) -> Iterator[Prompt]:
    """As rows of the table `prompts`."""
    for number in range(count):
        yield prompt_of(str(number), _text(number))


def requests(count: int) -> Iterator[Request]:
    """As the engine gets them."""
    for number in range(count):
        messages = (Message(role="user", content=_text(number)),)
        sampling = Sampling(_TEMPERATURE, 1.0, MAX_TOKENS, number)
        yield Request(MODEL, messages, sampling, tag=str(number))


def body(number: int) -> dict[str, object]:
    """What `requests` sends, for those who need nothing else of a request."""
    return {
        "model": MODEL,
        "messages": [{"role": "user", "content": _text(number)}],
        "temperature": _TEMPERATURE,
        "top_p": 1.0,
        "max_tokens": MAX_TOKENS,
        "seed": number,
    }


def _text(number: int) -> str:
    return f"{number} {_TEXTS[number % len(_TEXTS)]}"
