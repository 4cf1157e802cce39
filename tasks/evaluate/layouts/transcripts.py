"""Two whole dialogues as text that differ in their last turn.

The form of Anthropic's HH (Bai et al. 2022, arXiv 2204.05862): every turn begins with
"\\n\\nHuman:" or "\\n\\nAssistant:". Not all of its pairs share all but their last turn.
"""

from __future__ import annotations

import re

from prefline.tables.messages import Message
from tasks.evaluate.labelled import LabelledPair
from tasks.evaluate.layouts.cells import Cells
from tasks.evaluate.layouts.dialogue import ANSWERER, Turns, Unusable, paired

_TURN = re.compile(r"(?:\A\s*|\n\n)(Human|Assistant):")
_ROLES = {"Human": "user", "Assistant": ANSWERER}


def from_transcripts(cells: Cells) -> LabelledPair | Unusable:
    """The pair of a row. Raises `InputError` for text that does not begin with a turn."""
    chosen, rejected = (_dialogue(cells, name) for name in ("chosen", "rejected"))
    if len(chosen) == 1 and chosen[0]["role"] == ANSWERER:
        return Unusable("no_prompt", "the dialogue begins with its only answer")
    return paired(cells, (), chosen, rejected)


def _dialogue(cells: Cells, name: str) -> Turns:
    cells.needed(name)
    text = cells.text(name) or ""
    before, *parts = _TURN.split(text)
    if before or not parts:
        raise cells.fault(
            name,
            f"begins with {text[:40]!r}, not with a turn",
            'begin each turn with a blank line and "Human:" or "Assistant:", or choose another '
            "layout",
        )
    return tuple(
        Message(role=_ROLES[speaker], content=said.strip())
        for speaker, said in zip(parts[::2], parts[1::2], strict=True)
    )
