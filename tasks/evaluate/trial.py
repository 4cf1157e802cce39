"""Answers of policies to prompts that nothing was trained on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefline.config import Endpoint, EvaluateParams, PolicyTest
from prefline.errors import ParamsError
from prefline.ids import content_hash, content_id, seed_from
from prefline.llm import Engine, Failure, Reply, Request, Sampling
from prefline.reward.models import POLICY, Trained
from prefline.tables import Rejection
from prefline.tables.messages import with_system
from prefline.tables.prompts import Prompt

Row = dict[str, Any]
TUNED, BASE, PREVIOUS = "tuned", "base", "previous"


@dataclass(frozen=True, slots=True)
class Trial:
    """A policy's answers, rows with `response_id`, `prompt_id`, `text` and `output_tokens`, and
    the calls that failed."""

    model: str
    rows: list[Row]
    left_out: list[Rejection]


def draw_prompts(held_out: Sequence[Prompt], section: EvaluateParams) -> list[Prompt]:
    """Draw the held-out prompts to try policies on.

    Those that have a check, and all of them where a judge compares answers too; none where there
    is nothing to try a policy on.
    """
    test, seed = section.policy, section.seed
    useful = [p for p in held_out if p.verifier is not None or test.judge is not None]
    by_hash = sorted(useful, key=lambda prompt: content_hash(["trial", seed, prompt.prompt_id]))
    return sorted(by_hash[: test.max_prompts], key=lambda prompt: prompt.prompt_id)


def policies_on_trial(trained: Trained, test: PolicyTest, folder: Path) -> dict[str, Endpoint]:
    """Return the endpoints to try: the `base` and, for a trained policy in `folder`, itself as
    `tuned` and the one before as `previous`.

    Raises `ParamsError` for a policy that nobody serves.
    """
    policies = {BASE: test.endpoint}
    if trained.kind == "policy":
        weights = folder / POLICY
        if test.tuned is None and not weights.is_file():
            raise ParamsError(
                f"{folder} has no {POLICY}: only models of the architecture llama that come "
                "from a GGUF get one",
                "serve its folder hf/, for example with vLLM or `transformers serve`, and name the "
                "endpoint under evaluate.policy.tuned",
            )
        policies[TUNED] = test.tuned or Endpoint(model=trained.name, weights=str(weights))
        if test.previous is not None:
            policies[PREVIOUS] = test.previous
    return policies


def try_policies(
    engine: Engine,
    prompts: Sequence[Prompt],
    policies: Mapping[str, Endpoint],
    section: EvaluateParams,
) -> dict[str, Trial]:
    """Collect the answers of each policy. Raises what the engine raises."""
    return {
        name: try_policy(engine, prompts, endpoint.model, section)
        for name, endpoint in policies.items()
    }


def try_policy(
    engine: Engine, prompts: Sequence[Prompt], model: str, section: EvaluateParams
) -> Trial:
    """Collect a policy's answers. Raises what the engine raises."""
    rows, left_out = list[Row](), list[Rejection]()
    for outcome in engine.answer(trial_requests(prompts, model, section)):
        if isinstance(outcome, Failure):
            left_out.append(_rejection(outcome.request, outcome.reason, outcome.detail))
        elif outcome.finish_reason == "reasoning_only":
            detail = "the model's reasoning left no answer: raise evaluate.policy.max_tokens"
            left_out.append(_rejection(outcome.request, outcome.finish_reason, detail))
        else:
            rows.append(_row(outcome))
    return Trial(model, rows, left_out)


def sample_for_divergence(
    engine: Engine, prompts: Sequence[Prompt], model: str, section: EvaluateParams
) -> list[Row]:
    """Sample one answer to each prompt at temperature 1, and keep those that ended by themselves.

    A divergence is estimated on samples from the policy's own distribution.
    """
    test = section.policy.model_copy(update={"temperature": 1.0, "samples_per_prompt": 1})
    sampling = section.model_copy(update={"policy": test, "seed": section.seed + 1})
    rows = try_policy(engine, prompts, model, sampling).rows
    return [row for row in rows if row["finish_reason"] == "stop" and row["text"]]


def trial_requests(
    prompts: Sequence[Prompt], model: str, section: EvaluateParams
) -> Iterator[Request]:
    """Yield one request for each prompt and sample.

    Seeds do not depend on the model, so that two policies that are the same one answer the same.
    """
    test, seed = section.policy, section.seed
    for prompt in prompts:
        messages = with_system(prompt.messages, test.system_prompt)
        for index in range(test.samples_per_prompt):
            request_seed = seed_from("trial", seed, prompt.prompt_id, index)
            sampling = Sampling(test.temperature, 1.0, test.max_tokens, request_seed)
            yield Request(model, messages, sampling, index, tag=prompt.prompt_id)


def _row(reply: Reply) -> Row:
    request = reply.request
    text = reply.text.strip()
    return {
        "response_id": content_id(request.tag, request.model, request.sample_index, "trial", text),
        "prompt_id": request.tag,
        "text": text,
        "finish_reason": reply.finish_reason,
        "output_tokens": reply.usage.output_tokens,
        "cost_usd": reply.cost_usd,
    }


def _rejection(request: Request, reason: str, detail: str) -> Rejection:
    identity = content_id(request.tag, request.model, request.sample_index, "trial")
    return Rejection("evaluate", "response", identity, reason, detail)
