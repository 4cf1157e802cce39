"""Where things lie in an object store; the same in a folder and on S3.

<dataset>/objects/<sha256>.parquet          content-addressed, written once
<dataset>/versions/<NNNNNN>/README.md       dataset card, written before the manifest
<dataset>/versions/<NNNNNN>/manifest.json   written last: with it the version exists
<dataset>/channels/<name>/<NNNNNN>.json     one entry for each move; the highest counts
"""

from __future__ import annotations

import re

_NUMBERED = re.compile(r"/(\d{6,})(?:\.json|/manifest\.json)$")


def object_key(dataset: str, sha256: str) -> str:
    """Key of a data object."""
    return f"{dataset}/objects/{sha256}.parquet"


def manifest_key(dataset: str, version: int) -> str:
    """Key of a version's manifest."""
    return f"{dataset}/versions/{version:06d}/manifest.json"


def card_key(dataset: str, version: int) -> str:
    """Key of a version's dataset card."""
    return f"{dataset}/versions/{version:06d}/README.md"


def channel_key(dataset: str, channel: str, entry: int) -> str:
    """Key of one move of a channel."""
    return f"{dataset}/channels/{channel}/{entry:06d}.json"


def number_of(key: str) -> int | None:
    """The number in the key of a manifest or of a channel's entry; None for other keys."""
    found = _NUMBERED.search(key)
    return int(found[1]) if found else None
