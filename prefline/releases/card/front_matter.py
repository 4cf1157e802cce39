"""The YAML at a card's head, by which Hugging Face lists, shows and loads a dataset
(https://huggingface.co/docs/hub/datasets-cards, .../datasets-manual-configuration)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml

from prefline.releases.card.facts import CardFacts
from prefline.releases.folder_paths import folder_pattern
from prefline.releases.manifest import PREFERENCE, DataFile

_SIZES = (
    (10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"),
    (10**7, "1M<n<10M"), (10**8, "10M<n<100M"), (10**9, "100M<n<1B"),
)  # fmt: skip
_TAGS = ("preference", "rlhf", "rlaif", "dpo", "prefline")
_FENCE = "---\n"


def front_matter(facts: CardFacts) -> str:
    """The front matter, with a configuration for each format; `preference` is what is loaded
    where none is named."""
    tags = [*_TAGS, *(tag for one in facts.formats for tag in one.hub_tags)]
    head: dict[str, Any] = {"pretty_name": facts.dataset, "license": facts.license.lower()}
    if facts.languages:
        head["language"] = list(facts.languages)
    head |= {
        "task_categories": ["text-generation", "reinforcement-learning"],
        "tags": tags,
        "size_categories": [_size(facts.rows)],
        "configs": [_config_of(one.name, sorted(one.rows)) for one in facts.formats if one.rows],
    }
    return f"{_FENCE}{yaml.safe_dump(head, sort_keys=False, allow_unicode=True)}{_FENCE}\n"


def _config_of(name: str, splits: Sequence[str]) -> dict[str, Any]:
    files = [{"split": split, "path": folder_pattern(name, split)} for split in splits]
    default = {"default": True} if name == PREFERENCE else {}
    return {"config_name": name, **default, "data_files": files}


def card_of_some(card: str, files: Sequence[DataFile]) -> str:
    """A card beside some of a version's files alone: its front matter names no others."""
    head, body = split_card(card)
    splits: dict[str, list[str]] = {}
    for one in files:
        known = splits.setdefault(one.format, [])
        known += [] if one.split in known else [one.split]
    head["configs"] = [_config_of(name, found) for name, found in splits.items()]
    return f"{_FENCE}{yaml.safe_dump(head, sort_keys=False, allow_unicode=True)}{_FENCE}{body}"


def split_card(card: str) -> tuple[dict[str, Any], str]:
    """The front matter of a card and the rest of it."""
    if not card.startswith(_FENCE):
        return {}, card
    head, _, body = card.removeprefix(_FENCE).partition(f"\n{_FENCE}")
    return dict(yaml.safe_load(head) or {}), body


def _size(rows: int) -> str:
    return next((word for limit, word in _SIZES if rows < limit), "n>1B")
