"""Immutable, versioned datasets in an object store: made, read, compared, verified."""

from prefline.releases.manifest import DataFile, Manifest
from prefline.releases.publish import Draft, DraftFile, Release, publish
from prefline.releases.read import (
    Location,
    list_versions,
    locate,
    read_manifest,
    stored_manifest,
    stored_manifests,
)

__all__ = [
    "DataFile",
    "Draft",
    "DraftFile",
    "Location",
    "Manifest",
    "Release",
    "list_versions",
    "locate",
    "publish",
    "read_manifest",
    "stored_manifest",
    "stored_manifests",
]
