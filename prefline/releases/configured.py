"""The store that a project's params name."""

from __future__ import annotations

from prefline.config import PublishParams
from prefline.project import Project
from prefline.storage import ObjectStore, StoreOptions, open_store


def project_store(project: Project, params: PublishParams) -> ObjectStore:
    """The store of the section `publish`, reached as `s3` there says; nothing is read yet.

    Raises what `open_store` raises.
    """
    options = StoreOptions(single_publisher=params.single_publisher, **params.s3.model_dump())
    return open_store(project.store_uri(params.store), options)
