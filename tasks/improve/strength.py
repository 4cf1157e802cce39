"""Whether the judge is still stronger than the policy whose outputs it judges.

A judge at chance on pairs of the policy's own outputs gives labels without information: chosen
and rejected are then drawn, and training on them moves the policy at random or wherever the
judge's biases lead. That happens as the policy gets better: judges are near chance on hard pairs
written by strong models (JudgeBench, Tan et al. 2024, arXiv 2410.12784), and self-improvement
levels off where judging is no longer ahead of generating (Song et al. 2024, arXiv 2412.02674).

The threshold. Of labels that are right with chance a, n are worth n (2a - 1)^2 clean ones: the
error of a policy trained on n preferences that are flipped with chance e = 1 - a falls as
1 / ((1 - 2e) sqrt(n)) (Chowdhury, Kini and Natarajan 2024, arXiv 2403.00409). `NEEDED` is 0.55:
there a hundred labels are worth one, so that what a round of hundreds or thousands of pairs
teaches cannot be told from noise. A value above it is not enough, its whole interval must be.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from prefline.stats.bootstrap import Figure, ratio

NEEDED = 0.55
Standing = Literal["stronger", "unclear", "not_stronger"]


def measure_judge(right: Sequence[float], prompts: Sequence[str]) -> Figure:
    """How often the judge is right, with a 95 % interval by prompt (cluster bootstrap).

    For each pair of the policy's own outputs that a check decides: `right` 1, 0, or 0.5
    for no preference; and the prompt it belongs to. Both have one entry a pair.
    """
    # Whatever order the pairs come in, the draws must fall on the same prompts.
    order = sorted(range(len(right)), key=lambda at: (prompts[at], right[at]))
    return ratio([right[at] for at in order], [1.0] * len(order), [prompts[at] for at in order])


def standing(judge: Figure | None, needed: float = NEEDED) -> Standing:
    """`stronger` if the whole interval is above `needed` (0.5 at least), `not_stronger` if none
    of it is, `unclear` otherwise and where nothing was measured."""
    if judge is None or judge.low is None or judge.high is None:
        return "unclear"
    bar = max(needed, 0.5)
    if judge.low > bar:
        return "stronger"
    return "not_stronger" if judge.high <= bar else "unclear"
