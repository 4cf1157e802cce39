"""Pairs of two models' responses with how much one of them is preferred over the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from prefline.audit.verdicts import Bools, Floats, Ints, Verdicts


@dataclass(frozen=True, slots=True)
class Matches:
    """Pairs of responses of two different models, arrays of shape `(pairs,)`.

    `model` and `other` are numbers of models, model < other; `liked` is the mean preference
    for `model`'s response over all verdicts of all judges on the pair in both orders;
    `longer` is the length of `model`'s response less the other's, NaN if not known.
    """

    model: Ints
    other: Ints
    liked: Floats
    longer: Floats
    prompt: Ints
    cluster: Ints

    def where(self, rows: Bools) -> Matches:
        """The pairs where `rows`, of shape `(pairs,)`, holds."""
        return Matches(
            self.model[rows],
            self.other[rows],
            self.liked[rows],
            self.longer[rows],
            self.prompt[rows],
            self.cluster[rows],
        )


def matches_of(seen: Verdicts) -> Matches:
    """The pairs on which something valid was said and whose two models differ."""
    named = (seen.first_model >= 0) & (seen.second_model >= 0)
    seen = seen.where(named & (seen.first_model != seen.second_model) & ~np.isnan(seen.preference))
    turned = seen.first_model > seen.second_model
    liked = np.where(turned, 1 - seen.preference, seen.preference)
    longer = (seen.first_length - seen.second_length) * np.where(turned, -1, 1)
    _, start, place = np.unique(seen.pair, return_index=True, return_inverse=True)
    return Matches(
        model=np.minimum(seen.first_model, seen.second_model)[start],
        other=np.maximum(seen.first_model, seen.second_model)[start],
        liked=np.bincount(place, liked, len(start)) / np.bincount(place, minlength=len(start)),
        longer=longer[start],
        prompt=seen.prompt[start],
        cluster=seen.cluster[start],
    )
