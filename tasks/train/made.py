"""What a training comes to, whatever its method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from prefline.reward.trained import Kind


@dataclass(frozen=True, slots=True)
class Made:
    """A model whose files are in the draft's folder: its kind, what it started from, what
    training measured, and the curve of it: `step`, `loss` and, where there are any, more."""

    kind: Kind
    base: str
    figures: Mapping[str, Any]
    curve: Sequence[Mapping[str, float]]
