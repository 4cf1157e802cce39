"""Where a version's files lie once they are in a folder: what `get` writes, the card's front matter
names and a copy on the Hugging Face Hub has."""

from __future__ import annotations

from prefline.releases.manifest import PREFERENCE


def folder_path(name: str, split: str, number: int) -> str:
    """Of the file with this number (from 0) among those of one format and split."""
    return f"{_folder(name, split)}/part-{number:05d}.parquet"


def folder_pattern(name: str, split: str) -> str:
    """Of all files of one format and split."""
    return f"{_folder(name, split)}/*.parquet"


def _folder(name: str, split: str) -> str:
    return split if name == PREFERENCE else f"{name}/{split}"
