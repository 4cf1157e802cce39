"""Regular expressions and word lists that stand in `wordlists/`, compiled when first asked for."""

from __future__ import annotations

import re
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent / "wordlists"
_REFERENCE = re.compile(r"\{\{(\w+)\}\}")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class PatternFile:
    """A file of `wordlists/`, read when first asked for something.

    Its `fragments` and `patterns` are regular expressions, whose lines are joined without anything
    between them and in which {{name}} stands for a fragment; its `words` are lists of words, in
    which {{name}} stands for another list.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._compiled: dict[str, re.Pattern[str]] = {}
        self._alternatives: dict[str, tuple[re.Pattern[str], ...]] = {}
        self._words: dict[str, frozenset[str]] = {}

    @cached_property
    def _content(self) -> dict[str, Any]:
        content: dict[str, Any] = read_wordlist(self._name)
        return content

    def __getitem__(self, name: str) -> re.Pattern[str]:
        """Return a pattern, compiled."""
        if name not in self._compiled:
            self._compiled[name] = re.compile(self._resolved(self._content["patterns"][name]))
        return self._compiled[name]

    def alternatives(self, name: str) -> tuple[re.Pattern[str], ...]:
        """Return a list of patterns, compiled."""
        if name not in self._alternatives:
            texts = self._content["patterns"][name]
            self._alternatives[name] = tuple(re.compile(self._resolved(text)) for text in texts)
        return self._alternatives[name]

    def words(self, name: str) -> frozenset[str]:
        """Return a list of words as a set."""
        if name not in self._words:
            lists = self._content["words"]
            text = _REFERENCE.sub(lambda match: " ".join(self.words(match[1])), lists[name])
            self._words[name] = frozenset(text.split())
        return self._words[name]

    def _resolved(self, text: str) -> str:
        fragments = self._content.get("fragments", {})
        return _REFERENCE.sub(lambda match: self._resolved(fragments[match[1]]), joined(text))


def read_wordlist(name: str) -> Any:
    """Return the content of `wordlists/<name>.yaml`."""
    return yaml.load((FOLDER / f"{name}.yaml").read_bytes(), Loader=_LOADER)  # noqa: S506


def joined(text: str) -> str:
    """Return the lines of a regular expression as one."""
    return text.replace("\n", "")
