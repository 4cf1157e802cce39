"""The layouts in which tables of labelled pairs come.

cells.py        a row by our names of columns
dialogue.py     turns of a conversation, and a pair made of two dialogues
columns.py      prompt, chosen, rejected
transcripts.py  two whole dialogues as text
sided.py        two responses and a label that names one

Each layout is a function from a row to a pair, or to the reason why it is none.
"""

from collections.abc import Callable, Mapping

from tasks.evaluate.labelled import LabelledPair
from tasks.evaluate.layouts.cells import Cells
from tasks.evaluate.layouts.columns import from_columns
from tasks.evaluate.layouts.dialogue import Unusable
from tasks.evaluate.layouts.sided import from_sides
from tasks.evaluate.layouts.transcripts import from_transcripts

LAYOUTS: Mapping[str, Callable[[Cells], LabelledPair | Unusable]] = {
    "columns": from_columns,
    "transcripts": from_transcripts,
    "sided": from_sides,
}

__all__ = ["LAYOUTS", "Cells", "Unusable"]
