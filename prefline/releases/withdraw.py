"""Withdrawing the version that a URI names, with what follows for channels."""

from __future__ import annotations

from prefline.errors import VersionNotFound
from prefline.releases.channels import leave
from prefline.releases.read import Location
from prefline.releases.yanks import require_version, unyank, yank


def withdraw(at: Location, reason: str) -> tuple[int, dict[str, int | None]]:
    """Withdraw a version; its number, and the channels that were moved away from it.

    The version must be named by its number: what a channel points to may change between the
    thought and the deed. Raises `VersionNotFound`, or `StoreUnwritable`.
    """
    number = _number(at)
    yank(at.store, at.dataset, number, reason)
    return number, leave(at.store, at.dataset, number)


def take_back(at: Location) -> tuple[int, bool]:
    """Take a withdrawal back; the version's number, and whether there was one. Channels stay
    where they are. Raises `VersionNotFound`, or `VersionYanked` if its files are gone."""
    number = _number(at)
    return number, unyank(at.store, at.dataset, number)


def _number(at: Location) -> int:
    if not at.wanted.isdecimal():
        raise VersionNotFound(
            f"{at.uri}@{at.wanted} names a channel, not a version",
            f"name the version by its number: `prefline versions {at.uri}` lists them",
        )
    number = int(at.wanted)
    require_version(at.store, at.dataset, number)
    return number
