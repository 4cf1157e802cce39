"""Prompt, chosen and rejected in columns of their own, as in RewardBench."""

from __future__ import annotations

from tasks.evaluate.labelled import LabelledPair
from tasks.evaluate.layouts.cells import Cells
from tasks.evaluate.layouts.dialogue import ANSWERER, Unusable, paired, prompt_of, turns_of


def from_columns(cells: Cells) -> LabelledPair | Unusable:
    """The pair of a row. Answers are text or messages; where these are whole dialogues, the prompt
    is what they begin with. Raises `InputError`."""
    chosen, rejected = (turns_of(cells, name, ANSWERER) for name in ("chosen", "rejected"))
    return paired(cells, prompt_of(cells), chosen, rejected)
