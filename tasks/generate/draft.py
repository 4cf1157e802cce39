"""The candidates: several samples of each model for every prompt."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa

from prefline.engine import Failure, Outcome, Reply, Request, Sampling, bill
from prefline.ids import content_id, seed_from
from prefline.messages import Message
from prefline.params import GenerateParams
from prefline.prompts import Prompt
from prefline.tables import RESPONSES, Rejection, table_from_rows


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


def response_row(reply: Reply) -> dict[str, Any]:
    """A reply as a row of `responses`."""
    request = reply.request
    origin, text = "sampled", reply.text.strip()
    return {
        "response_id": content_id(request.tag, request.model, request.sample_index, origin, text),
        "prompt_id": request.tag,
        "model": request.model,
        "sample_index": request.sample_index,
        "text": text,
        "finish_reason": reply.finish_reason,
        "origin": origin,
        **bill(reply),
    }


def failed_response(failure: Failure) -> Rejection:
    """A call without a reply as a rejection; its id names prompt, model and sample."""
    request = failure.request
    identity = content_id(request.tag, request.model, request.sample_index)
    detail = f"{request.model}, sample {request.sample_index}: {failure.detail}"
    return Rejection("generate", "response", identity, failure.reason, detail)


def response_rows(outcomes: Iterable[Outcome]) -> tuple[pa.Table, list[Rejection]]:
    """The responses among outcomes, and the calls that got no reply."""
    rows, failures = [], []
    for outcome in outcomes:
        if isinstance(outcome, Reply):
            rows.append(response_row(outcome))
        else:
            failures.append(failed_response(outcome))
    return table_from_rows(rows, RESPONSES), failures
