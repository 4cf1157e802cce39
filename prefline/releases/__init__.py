"""Immutable, versioned datasets in an object store: made, read, compared, verified."""

from prefline.releases.known import manifests, newest_standing
from prefline.releases.manifest import DataFile, Manifest
from prefline.releases.publish import Draft, DraftFile, Release, Wanted, publish, republish
from prefline.releases.read import Location, list_versions, locate, read_manifest

__all__ = [
    "DataFile",
    "Draft",
    "DraftFile",
    "Location",
    "Manifest",
    "Release",
    "Wanted",
    "list_versions",
    "locate",
    "manifests",
    "newest_standing",
    "publish",
    "read_manifest",
    "republish",
]
