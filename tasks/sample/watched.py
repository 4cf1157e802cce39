"""Which files of sources DVC does not watch, so that nobody would notice when they change."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath

from prefline.config import Source


def unwatched(sources: Iterable[Source], deps: Iterable[str]) -> list[str]:
    """The paths of sources that lie below none of the stage's dependencies, in their order. What
    is elsewhere (S3, the Hub) is outside of DVC anyway."""
    watched = [PurePosixPath(one) for one in deps]
    paths = [
        path
        for source in sources
        for path in ((source.path,) if source.path else source.files.values())
        if "://" not in path
    ]
    return [
        path
        for path in paths
        if not any(PurePosixPath(path).is_relative_to(one) for one in watched)
    ]
