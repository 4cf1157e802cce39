"""A card beside the files that `get` writes: its front matter names them where they are there."""

from __future__ import annotations

from collections.abc import Mapping

import yaml

from prefline.releases.manifest import PREFERENCE, DataFile

_FENCE = "---\n"


def card_beside(card: str, files: Mapping[str, DataFile]) -> str:
    """The card with the front matter's `configs` for these files, given by their paths.

    Hugging Face's `load_dataset` takes a configuration for each format from there.
    """
    head, body = split_card(card)
    paths: dict[str, dict[str, list[str]]] = {}
    for path, one in files.items():
        paths.setdefault(one.format, {}).setdefault(one.split, []).append(path)
    head["configs"] = [
        {
            "config_name": "default" if name == PREFERENCE else name,
            "data_files": [{"split": split, "path": these} for split, these in splits.items()],
        }
        for name, splits in paths.items()
    ]
    return f"{_FENCE}{yaml.safe_dump(head, sort_keys=False, allow_unicode=True)}{_FENCE}{body}"


def split_card(card: str) -> tuple[dict[str, object], str]:
    """The front matter of a card and the rest of it."""
    if not card.startswith(_FENCE):
        return {}, card
    head, _, body = card.removeprefix(_FENCE).partition(f"\n{_FENCE}")
    return dict(yaml.safe_load(head) or {}), body
