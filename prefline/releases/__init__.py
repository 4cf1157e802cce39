"""Immutable, versioned datasets in an object store: made, read, compared, verified."""

from prefline.releases.layout import Location, locate
from prefline.releases.manifest import DataFile, Manifest
from prefline.releases.publish import Draft, DraftFile, PublishTarget, Release, publish, republish
from prefline.releases.versions import (
    intact_manifests,
    list_versions,
    newest_active_version,
    read_manifest,
)

__all__ = [
    "DataFile",
    "Draft",
    "DraftFile",
    "Location",
    "Manifest",
    "PublishTarget",
    "Release",
    "intact_manifests",
    "list_versions",
    "locate",
    "newest_active_version",
    "publish",
    "read_manifest",
    "republish",
]
