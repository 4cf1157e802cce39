"""The bundled prompts, written for this project (`make prompts`).

words.py      what the templates are filled with: words, facts, names
numbers.py    templates about numbers
language.py   templates about words and facts
forms.py      templates about the form of an answer
open.py       questions without one right answer, written by hand
"""

from collections.abc import Iterator
from typing import Any

from prefline.sources.bundled import forms, language, numbers, questions

LICENSE = "CC0-1.0"


def bundled_rows() -> Iterator[dict[str, Any]]:
    """Every bundled prompt as a row of the source file, in a fixed order."""
    for module in (numbers, language, forms, questions):
        for row in module.rows():
            yield {"reference": None, **row, "license": LICENSE}
