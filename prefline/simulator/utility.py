"""What a judge makes of each text alone, for judges that score or rank.

The utility of a text is sharpness * quality + length_bias * ln(length) + noise, the noise standard
Gumbel and fixed by request and place. The difference of two Gumbel draws is standard logistic, so
two utilities compare as `truth.p_first` says (Luce 1959; Yellott 1977).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from prefline.simulator.draws import uniforms
from prefline.simulator.truth import Candidate, Lean


def utilities(texts: Sequence[Candidate], lean: Lean, key: bytes, sample: int) -> list[float]:
    """The utility of each text in the order shown. In a list of k texts the one at place i of
    0 to k - 1 gains position_bias * (k - 1 - i) / (k - 1): of two, the first gains all of it."""
    last = len(texts) - 1
    return [
        lean.sharpness * text.quality
        + lean.length_bias * math.log(max(text.length, 1))
        + (lean.position_bias * (last - place) / last if last else 0.0)
        + _gumbel(uniforms(key, f"utility {place}", sample)[0])
        for place, text in enumerate(texts)
    ]


def _gumbel(uniform: float) -> float:
    """The standard Gumbel quantile of a uniform draw."""
    return -math.log(-math.log(uniform))
