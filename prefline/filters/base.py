"""The base of filters that look at one prompt by itself.

A filter is declared once, as a subclass: its fields are its params, its docstring describes it in
docs/params.md, its base says how it is run, and one method does the work. Filters that look at all
prompts derive from the classes in corpus.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from prefline.config.sample import PromptFilter

Check = Callable[[str], str | None]
"""Returns the fault of a text in a few words, None for a text without one."""

Rewrite = Callable[[str], tuple[str, Counter[str]]]
"""Returns a message without what has no place in it, and counts by kind what was taken out."""


class RowFilter(PromptFilter):
    """A filter that looks at one prompt by itself. It runs on shards, in any process: what `check`
    and `rewrite` return is sent there. Write one of them."""

    scope = "each prompt"

    def check(self, root: Path) -> Check | None:  # noqa: ARG002 -- for subclasses
        """Return the check of a prompt's text; None for a filter that rejects nothing.

        `root` is the project's folder. Raises `InputError` for a file that is missing or wrong.
        """
        return None

    def rewrite(self, root: Path) -> Rewrite | None:  # noqa: ARG002 -- for subclasses
        """Return what changes each message before the checks; None changes nothing."""
        return None
