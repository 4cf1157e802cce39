"""A row of the bundled prompts."""

from __future__ import annotations

from typing import Any

Row = dict[str, Any]


def row(category: str, template: str | None, prompt: str, verifier: Row | None) -> Row:
    """One prompt with its check."""
    return {"prompt": prompt, "category": category, "template": template, "verifier": verifier}


def number(category: str, template: str, prompt: str, value: float) -> Row:
    """A prompt whose answer is a number."""
    made = row(category, template, prompt, {"kind": "numeric", "value": value})
    return made | {"reference": f"{value:g}"}


def says(category: str, template: str, prompt: str, *words: str, **more: Any) -> Row:
    """A prompt whose answer must contain certain words; `more` are further constraints."""
    verifier = {"kind": "constraints", "required": list(words), **more}
    return row(category, template, prompt, verifier) | {"reference": ", ".join(words)}
