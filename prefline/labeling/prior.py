"""Accuracy that the user knows of a judge, such as from a public benchmark, as pseudo-anchors.

A judge known to be right in a share q of pairs, worth n pairs, is not a weight of its own: what it
adds depends on what the others said. So real pairs that it judged become anchors with soft targets
p_i = logistic(f_i + sum_j lambda_j x_ij), f the agreement's log-odds: of all targets with these
accuracies the nearest to what agreement says (minimum relative entropy; posterior regularisation,
Ganchev et al. 2010). They count together for as many observations as the largest n.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from prefline.labeling.scores import Scores
from prefline.stats import Floats, Ints

_MOST_PAIRS = 300
_ROUNDS = 200
_LEAST, _MOST = 0.02, 0.98  # of an accuracy on decided pairs
_SUREST = 4.0  # log-odds that agreement starts from


@dataclass(frozen=True, slots=True)
class PriorAccuracy:
    """Share of pairs on which a judge is right (a flip counts one half), worth `pairs` pairs."""

    accuracy: float
    pairs: float


@dataclass(frozen=True, slots=True)
class PseudoAnchors:
    """Numbers of pairs, with target and weight, (n,) each."""

    rows: Ints
    target: Floats
    weight: Floats


def pseudo_anchors(
    scores: Scores, judges: Sequence[str], known: Mapping[str, PriorAccuracy], log_odds: Floats
) -> PseudoAnchors:
    """Return the pseudo-anchors that stand for what is known of judges.

    `judges` (J,) are the annotators' names, `log_odds` (N,) agreement's.
    """
    chosen = [j for j, name in enumerate(judges) if name in known]
    pairs = np.unique(scores.pair[np.isin(scores.annotator, chosen)])
    if len(pairs) == 0:
        return PseudoAnchors(pairs, np.zeros(0), np.zeros(0))
    pairs = pairs[np.unique(np.linspace(0, len(pairs) - 1, _MOST_PAIRS).astype(np.int64))]
    vote = _votes_on(scores, pairs)[:, chosen]
    decided = np.maximum(np.sum(vote != 0, axis=0), 1)
    accuracy = np.array([known[judges[j]].accuracy for j in chosen])
    n = np.array([known[judges[j]].pairs for j in chosen])
    # A flip is right in half of its verdicts: what remains to be explained is the decided pairs.
    wanted = np.clip(0.5 + (accuracy - 0.5) * len(pairs) / decided, _LEAST, _MOST)
    start = np.clip(log_odds[pairs], -_SUREST, _SUREST)
    tilt = np.zeros(len(chosen))
    for _ in range(_ROUNDS):
        q = expit(start + vote @ tilt)[:, None]
        right = np.sum(np.where(vote > 0, q, np.where(vote < 0, 1 - q, 0.0)), axis=0) / decided
        tilt += (wanted - right) * 2 * n / n.max() / max(1.0, len(chosen) ** 0.5)
    q = expit(start + vote @ tilt)
    return PseudoAnchors(pairs, q, np.full(len(pairs), float(n.max()) / len(pairs)))


def _votes_on(scores: Scores, pairs: Ints) -> Floats:
    """Return the votes (len(pairs), J) on these pairs."""
    place = np.full(scores.n_pairs, -1)
    place[pairs] = np.arange(len(pairs))
    vote = np.zeros((len(pairs), scores.n_annotators))
    inside = place[scores.pair] >= 0
    vote[place[scores.pair[inside]], scores.annotator[inside]] = scores.vote[inside]
    return vote
