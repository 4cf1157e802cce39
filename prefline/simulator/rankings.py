"""Rankings: how a judge model answers a prompt that asks to rank several texts."""

from __future__ import annotations

import re
from collections.abc import Sequence

from prefline.simulator.truth import Candidate, Lean
from prefline.simulator.utility import utilities
from prefline.simulator.wire import ChatRequest

_ASKS = re.compile(r"\b[Rr]ank\b.{0,40}\b1 to (\d+)\b")


def ranked_count(request: ChatRequest) -> int | None:
    """How many texts a request asks to be ranked ("Rank the answers 1 to 4"); None if none."""
    asked = _ASKS.findall(request.text)
    return int(asked[-1]) if asked else None


def ranking(
    texts: Sequence[Candidate], lean: Lean, request: ChatRequest, n: int, *, tied: bool
) -> str:
    """Reasons and the ranking by utility, such as `2 > 3 > 1`; `tied` makes the best two equal."""
    found = utilities(texts, lean, request.key, n)
    order = sorted(range(len(texts)), key=lambda place: -found[place])
    words = [str(place + 1) for place in order]
    head = " = ".join(words[:2]) if tied else " > ".join(words[:2])
    return "As the tags say.\n" + " > ".join([head, *words[2:]])
