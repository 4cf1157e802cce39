"""The first call of every sample: the draft."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prefline.config import GenerateParams
from prefline.ids import seed_from
from prefline.llm import Request, Sampling
from prefline.tables.messages import Message
from prefline.tables.prompts import Prompt


def generation_requests(prompts: Iterable[Prompt], params: GenerateParams) -> Iterator[Request]:
    """One request for each prompt, model and sample, in that order; tagged with the prompt's id.

    Each sample has a seed of its own, drawn from the prompt's id, so that the same params
    give the same requests on any machine.
    """
    for prompt in prompts:
        messages = _with_system(prompt.messages, params.system_prompt)
        for endpoint in params.endpoints:
            for index in range(params.samples_per_prompt):
                seed = seed_from(params.seed, prompt.prompt_id, endpoint.model, index)
                yield Request(
                    model=endpoint.model,
                    messages=messages,
                    sampling=Sampling(params.temperature, params.top_p, params.max_tokens, seed),
                    sample_index=index,
                    tag=prompt.prompt_id,
                )


def _with_system(messages: tuple[Message, ...], system: str | None) -> tuple[Message, ...]:
    if system is None or messages[0]["role"] == "system":
        return messages
    return (Message(role="system", content=system), *messages)
