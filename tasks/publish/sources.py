"""Where the prompts behind preferences are from, and under which licences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

import pyarrow as pa

from prefline.releases.card import SourceData
from prefline.tables import read_table, texts


def read_sources(prompts: Path, preferences: pa.Table) -> list[SourceData]:
    """The sources of the preferences by name; `prompts` is the table that holds licences."""
    return sources_of(read_table(prompts, columns=["prompt_id", "license"]), preferences)


def sources_of(prompts: pa.Table, preferences: pa.Table) -> list[SourceData]:
    """The sources with their rows, their different prompts, and those prompts by licence."""
    ids, names = texts(preferences, "prompt_id"), texts(preferences, "source")
    known = dict(zip(texts(prompts, "prompt_id"), texts(prompts, "license"), strict=True))
    seen: dict[str, set[str]] = {}
    for name, prompt in zip(names, ids, strict=True):
        seen.setdefault(name, set()).add(prompt)
    rows = Counter(names)
    return [
        SourceData(name, rows[name], len(mine), _licenses(known, mine))
        for name, mine in sorted(seen.items())
    ]


def _licenses(known: Mapping[str, str], prompts: Iterable[str]) -> dict[str, int]:
    counted = Counter(known.get(prompt, "unknown") for prompt in prompts)
    return dict(sorted(counted.items()))
