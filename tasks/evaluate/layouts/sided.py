"""Two responses, and a label that names the better one, as in JudgeBench."""

from __future__ import annotations

from typing import Any

from tasks.evaluate.labelled import LabelledPair
from tasks.evaluate.layouts.cells import Cells
from tasks.evaluate.layouts.dialogue import ANSWERER, Unusable, paired, prompt_of, turns_of

_SIDES = ("a", "b", "tie")


def from_sides(cells: Cells) -> LabelledPair | Unusable:
    """The pair of a row; `labels` of the table's params say what its words mean.

    Raises `InputError` for a word that they do not name.
    """
    a, b = (turns_of(cells, name, ANSWERER) for name in ("response_a", "response_b"))
    side = _side(cells)
    if side == "tie":
        return Unusable("tie", f"its label is {word_of(cells.get('label'))}")
    chosen, rejected = (a, b) if side == "a" else (b, a)
    return paired(cells, prompt_of(cells), chosen, rejected)


def _side(cells: Cells) -> str:
    word = word_of(cells.needed("label"))
    side = cells.table.labels.get(word, word)
    if side in _SIDES:
        return side
    raise cells.fault(
        "label", f"is {word!r}", f"say in `labels` which of {', '.join(_SIDES)} it stands for"
    )


def word_of(value: Any) -> str:
    """A cell as `labels` names it: true and false as in JSON, and whole numbers without a fraction
    though a column with gaps holds them as floats."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
