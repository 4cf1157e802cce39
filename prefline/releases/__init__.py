"""Immutable, versioned datasets in an object store: made, read, compared, verified."""

from prefline.releases.manifest import DataFile, Manifest
from prefline.releases.publish import Draft, DraftFile, Release, Wanted, publish, republish
from prefline.releases.read import (
    Location,
    all_manifests,
    list_versions,
    locate,
    read_manifest,
    sound_manifests,
)
from prefline.releases.standing import newest_standing

__all__ = [
    "DataFile",
    "Draft",
    "DraftFile",
    "Location",
    "Manifest",
    "Release",
    "Wanted",
    "all_manifests",
    "list_versions",
    "locate",
    "newest_standing",
    "publish",
    "read_manifest",
    "republish",
    "sound_manifests",
]
