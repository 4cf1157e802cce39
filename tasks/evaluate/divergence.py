"""KL divergence of a trained policy from its base, on its own answers at temperature 1.

With l = log p_policy(token) - log p_base(token), both given the same tokens before it:

- the mean of l is an unbiased estimate of KL(policy || base) per token, and can be negative;
- the mean of exp(-l) - 1 + l is one too, never negative, and of lower variance while the two are
  close ("k3" of Schulman 2020, joschu.net/blog/kl-approx.html).

Both hold for samples drawn at temperature 1 from the whole vocabulary; of samples drawn otherwise
they are mean log-ratios, and no divergence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from prefline.errors import TableError
from prefline.reward.language_models import disable_progress_bars, load_policy, token_log_probs
from prefline.stats import Floats
from prefline.stats.bootstrap import Figure, Resampler, quotient
from prefline.tables.messages import conversation_of
from prefline.tables.prompts import Prompt
from tasks.evaluate.clusters import numbered


def divergence(
    prompts: Sequence[Prompt],
    rows: Sequence[Mapping[str, Any]],
    folder: Path,
    *,
    base: str,
    root: Path,
    seed: int,
) -> dict[str, Any]:
    """Estimate it by the weights in `folder` and those of `base`, from the project at `root`.

    Raises what `load_policy` does.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer

    disable_progress_bars()
    by_id = {prompt.prompt_id: prompt for prompt in prompts}
    conversations = [conversation_of(by_id[row["prompt_id"]].messages, row["text"]) for row in rows]
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tuned = AutoModelForCausalLM.from_pretrained(folder, dtype="float32")
    ours = list(token_log_probs(tuned, tokenizer, conversations))
    del tuned  # one model in memory at a time
    model, _ = load_policy(base, root)
    theirs = list(token_log_probs(model, tokenizer, conversations))
    return kl([row["prompt_id"] for row in rows], ours, theirs, seed).as_dict()


@dataclass(frozen=True, slots=True)
class Kl:
    """Estimates in nats, with intervals by prompt: `per_token` is the mean of l, `per_token_k3`
    that of the other estimate, `per_response` the mean over responses of their sum of l."""

    n_responses: int
    n_tokens: int
    per_token: Figure
    per_token_k3: Figure
    per_response: Figure

    def as_dict(self) -> dict[str, Any]:
        """Return the estimates for JSON."""
        return asdict(self)


def kl(
    prompt_ids: Sequence[str], policy: Sequence[Floats], base: Sequence[Floats], seed: int = 0
) -> Kl:
    """Estimate it of n responses, by the log-probabilities of their tokens (nats) under either
    model: two arrays of shape `(tokens,)` for each response.

    Raises `TableError` where the two do not have the same tokens, or one is no finite number.
    """
    ratios = [
        _log_ratios(n, *sides) for n, sides in enumerate(zip(policy, base, strict=True), start=1)
    ]
    tokens = np.array([float(len(ratio)) for ratio in ratios])
    plain = np.array([ratio.sum() for ratio in ratios])
    k3 = np.array([(np.expm1(-ratio) + ratio).sum() for ratio in ratios])
    clusters = numbered(prompt_ids)
    sampler = Resampler.of(clusters, seed)
    n_tokens = int(tokens.sum())

    def per_token(sums: Floats) -> Figure:
        return sampler.figure(sampler.sums(clusters, sums, tokens), quotient, n_tokens)

    return Kl(
        n_responses=len(ratios),
        n_tokens=n_tokens,
        per_token=per_token(plain),
        per_token_k3=per_token(k3),
        per_response=sampler.mean(plain, clusters),
    )


def _log_ratios(number: int, policy: Floats, base: Floats) -> Floats:
    if policy.shape != base.shape:
        raise TableError(
            f"response {number} has {len(policy)} tokens under the policy and {len(base)} under "
            "its base",
            "score the same tokens with both; they must share a tokenizer",
        )
    log_ratios: Floats = policy - base
    if not np.isfinite(log_ratios).all():
        raise TableError(
            f"response {number} has a token whose log-probability is no finite number",
            "score whole texts, not the top few tokens of each position",
        )
    return log_ratios
