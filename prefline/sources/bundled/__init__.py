"""The bundled prompts, written for this project (`make prompts`).

templates.py  prompts about numbers, words, facts and the form of an answer, made from templates
words.py      the words, facts and names that templates are filled with
questions.py  questions without one right answer, written by hand
"""

from collections.abc import Iterator
from typing import Any

from prefline.sources.bundled.questions import question_rows
from prefline.sources.bundled.templates import template_rows

LICENSE = "CC0-1.0"


def bundled_rows() -> Iterator[dict[str, Any]]:
    """Return every bundled prompt as a row of the source file, in a fixed order."""
    for rows in (template_rows(), question_rows()):
        for row in rows:
            yield {"reference": None, **row, "license": LICENSE}
