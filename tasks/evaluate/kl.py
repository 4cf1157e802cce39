"""How far a policy has moved from its base: the KL divergence, on the policy's own samples.

With l = log p_policy(token) - log p_base(token), both given the same tokens before it:

- the mean of l is an unbiased estimate of KL(policy || base) per token, and can be negative;
- the mean of exp(-l) - 1 + l is one too, never negative, and of lower variance while the two are
  close ("k3" of Schulman 2020, joschu.net/blog/kl-approx.html).

Both hold for samples drawn at temperature 1 from the whole vocabulary; of samples drawn otherwise
they are the mean log-ratio that they are, and no divergence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from prefline.errors import TableError
from prefline.stats import Floats
from prefline.stats.bootstrap import Figure, Resampler, quotient
from tasks.evaluate.clusters import numbered


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
        """For JSON."""
        return asdict(self)


def kl(
    prompt_ids: Sequence[str], policy: Sequence[Floats], base: Sequence[Floats], seed: int = 0
) -> Kl:
    """The estimates of n responses, by the log-probabilities of their tokens (nats) under either
    model: two arrays of shape `(tokens,)` for each response.

    Raises `TableError` where the two do not have the same tokens, or one is no finite number.
    """
    ratios = [
        _log_ratios(n, *sides) for n, sides in enumerate(zip(policy, base, strict=True), start=1)
    ]
    tokens = np.array([float(len(one)) for one in ratios])
    plain = np.array([one.sum() for one in ratios])
    k3 = np.array([(np.expm1(-one) + one).sum() for one in ratios])
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
    found: Floats = policy - base
    if not np.isfinite(found).all():
        raise TableError(
            f"response {number} has a token whose log-probability is no finite number",
            "score whole texts, not the top few tokens of each position",
        )
    return found
