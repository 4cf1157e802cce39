"""A model at hand for the tests of samples: it answers what the test says."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from prefline.config import GenerateParams
from prefline.config.principles import Principle
from prefline.llm import Failure, Outcome, Reply, Request, Usage
from prefline.llm.conversation import Conversation
from prefline.tables.prompts import Prompt, prompt_from_row
from tasks.generate import sample_conversations
from tasks.generate.candidates import SampleResult

ROOT = Path(__file__).parents[3]
PRINCIPLES = tuple(
    Principle(name, "choose", f"Is it {name}?", f"Make it {name}.") for name in ("brief", "kind")
)
PROMPTS = [prompt_from_row({"prompt": f"prompt {n}"}, "s", "here") for n in range(3)]
FAILS = "(fails)"

Answer = Callable[[Request], Outcome]


def params(rounds: int = 0, **changes: object) -> GenerateParams:
    """Two models, two samples of each."""
    endpoints = [{"base_url": "http://host/v1", "model": name} for name in ("m", "n")]
    revision = {"revision": {"rounds": rounds}} if rounds else {}
    section = {"endpoints": endpoints, "samples_per_prompt": 2, "max_tokens": 20}
    return GenerateParams.model_validate(section | revision | changes)


def reply(request: Request, text: str, finish_reason: str = "stop") -> Outcome:
    """The reply `text`, or a failure for the text `FAILS`; each costs one."""
    if text == FAILS:
        return Failure(request, "timeout", "no answer")
    return Reply(request, text, finish_reason, (), Usage(10, 2), 1.0, cached=False)


def drive(
    given: GenerateParams, answer: Answer, prompts: Iterable[Prompt] = PROMPTS
) -> tuple[list[SampleResult], list[Request]]:
    """What samples come to, and what was asked."""
    ended, asked = [], []
    for steps in sample_conversations(prompts, given, PRINCIPLES):
        conversation = Conversation(steps)
        while conversation.request is not None:
            asked.append(conversation.request)
            conversation.send(answer(conversation.request))
        ended.append(conversation.result)
    return ended, asked


def one_sample(rounds: int, *said: str | tuple[str, str]) -> tuple[SampleResult, list[Request]]:
    """One sample of one model, whose calls are answered by `said` in turn: a text, or a text
    and its finish reason."""
    texts = iter(said)

    def answer(request: Request) -> Outcome:
        one = next(texts)
        return reply(request, one) if isinstance(one, str) else reply(request, *one)

    endpoints = [{"base_url": "http://host/v1", "model": "m"}]
    given = params(rounds, endpoints=endpoints, samples_per_prompt=1)
    (ended,), asked = drive(given, answer, PROMPTS[:1])
    assert next(texts, None) is None, "it asked less than it was to"
    return ended, asked
