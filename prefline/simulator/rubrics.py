"""Score cards: how a judge model answers a prompt that asks for scores by criteria."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

import orjson

from prefline.simulator.draws import uniforms
from prefline.simulator.truth import Candidate, Lean
from prefline.simulator.utility import utilities
from prefline.simulator.wire import ChatRequest

_SCALE = re.compile(r"\bfrom (\d+)\b[^.\n]{0,40}? to (\d+)\b")
_CRITERION = re.compile(r"^[-*] (\w+):", re.MULTILINE)
_TYPICAL_LENGTH = 600  # whose logarithm is the middle of the scale for a judge biased by length


@dataclass(frozen=True, slots=True)
class Rubric:
    """The criteria to score, on a scale from `lowest` to `highest`."""

    criteria: tuple[str, ...]
    lowest: int
    highest: int


def rubric_in(request: ChatRequest) -> Rubric | None:
    """The rubric that a request asks to be filled in; None if it asks for something else.

    With a JSON schema: its integer properties. Otherwise a prompt that asks for scores
    "from 1 to 10", and lists its criteria as lines "- name: ...".
    """
    named = _integers(request.response_format)
    # The plain search first: most prompts ask for no scores.
    scale = _SCALE.search(request.text) if named or "core" in request.text else None
    if not named and scale:
        named = tuple(dict.fromkeys(_CRITERION.findall(request.text)))
    if not named:
        return None
    lowest, highest = (int(end) for end in scale.groups()) if scale else (1, 10)
    return Rubric(named, lowest, highest)


def score_card(rubric: Rubric, text: Candidate, lean: Lean, request: ChatRequest, n: int) -> str:
    """The card for one text, the same score by every criterion but for rounding.

    score = middle + points * (utility - length_bias * ln 600), with a ninth of the scale for one
    unit, rounded up or down at random so that its mean is kept, and kept on the scale.
    """
    (utility,) = utilities([text], lean, request.key, n)
    utility -= lean.length_bias * math.log(_TYPICAL_LENGTH)
    span = rubric.highest - rubric.lowest
    exact = rubric.lowest + span / 2 + span / 9 * utility
    card: dict[str, Any] = {"reasons": "As the tag says."}
    for criterion in rubric.criteria:
        up = uniforms(request.key, f"score {criterion}", n)[0]
        score = math.floor(exact + up)
        card[criterion] = max(rubric.lowest, min(rubric.highest, score))
    return orjson.dumps(card).decode()


def _integers(response_format: dict[str, Any] | None) -> tuple[str, ...]:
    schema: Any = (response_format or {}).get("json_schema")
    schema = schema.get("schema") if isinstance(schema, dict) else None
    properties = schema.get("properties") if isinstance(schema, dict) else None
    if not isinstance(properties, dict):
        return ()
    return tuple(
        name
        for name, spec in properties.items()
        if isinstance(spec, dict) and spec.get("type") == "integer"
    )
