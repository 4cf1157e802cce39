"""Keys: relative paths of plain names, so that a folder and a bucket agree on them."""

from __future__ import annotations

from prefline.atomic import TEMPORARY


def checked(key: str) -> str:
    """The key itself. Raises `ValueError` if it is no relative path of plain names."""
    for name in key.split("/"):
        if name in ("", ".", "..") or name.startswith(TEMPORARY) or "\0" in name:
            raise ValueError(f"not a key of an object: {key!r}")
    return key
