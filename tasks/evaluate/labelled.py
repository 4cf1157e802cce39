"""A pair with a label: what a reward model is held against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from prefline.ids import content_hash
from prefline.tables.messages import Message


@dataclass(frozen=True, slots=True)
class LabelledPair:
    """Two answers to a conversation of which one was found better, with probability
    `p_chosen`."""

    prompt_id: str
    messages: tuple[Message, ...]
    chosen: str
    rejected: str
    category: str
    p_chosen: float

    @property
    def is_chosen_first(self) -> bool:
        """Whether the better answer comes first in an order that is drawn by a hash of the texts
        and knows nothing of the label."""
        return self._lot(self.chosen) < self._lot(self.rejected)

    def _lot(self, answer: str) -> str:
        return content_hash(("first", self.prompt_id, answer))


def pair_of_preference(row: Mapping[str, Any]) -> LabelledPair:
    """A row of the table of preferences as a pair to try a reward model on."""
    return LabelledPair(
        prompt_id=row["prompt_id"],
        messages=tuple(row["prompt"]),
        chosen=row["chosen"][-1]["content"],
        rejected=row["rejected"][-1]["content"],
        category=row["category"],
        p_chosen=row["p_chosen"],
    )
