"""The columns of an audit table: one row for each verdict, in the order the judge saw."""

from __future__ import annotations

REQUIRED = ("pair_id", "judge", "first_id", "second_id")
OPTIONAL_TEXT = ("verdict", "gold", "prompt_id", "category", "first_model", "second_model")
TEXT = (*REQUIRED, *OPTIONAL_TEXT)
NUMBERS = ("p_first", "first_length", "second_length")
COLUMNS = (*TEXT, *NUMBERS)

# How verdicts and gold are kept in arrays: 1 for the first shown, -1 for the second. A missing
# gold is NONE too.
FIRST, SECOND, TIE, NONE = 1, -1, 0, 2
VERDICTS = {"first": FIRST, "second": SECOND, "tie": TIE, "invalid": NONE}
GOLD = {"first": FIRST, "second": SECOND, "tie": TIE}
