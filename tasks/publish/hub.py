"""A copy of a version on the Hugging Face Hub."""

from __future__ import annotations

import tempfile
from pathlib import Path

from prefline.config import HubParams
from prefline.config.environment import secret
from prefline.errors import ObjectStoreError, ParamsError
from prefline.releases import Location, Manifest
from prefline.releases.transfer import get
from prefline.storage import ObjectStore

_TOKEN = "HF_TOKEN"  # noqa: S105 - the name of a variable
_KIND = "dataset"


def copy_to_hub(
    store: ObjectStore, manifest: Manifest, params: HubParams | None, endpoint: str | None = None
) -> str:
    """Copy a version's files and card to the repository that params name, and tag it `v<number>`;
    what was done, in words. Nothing is done where params are None or the tag is there.

    Files of an older version leave the repository's main branch, and stay under their tag.
    `endpoint` is of another Hub than Hugging Face's; None for HF_ENDPOINT. Raises `ParamsError`
    without HF_TOKEN, and `ObjectStoreError` if the Hub fails: the version itself is published.
    """
    if params is None:
        return ""
    token = secret(_TOKEN)
    if token is None:
        raise ParamsError(
            f"publish.hub is set, but {_TOKEN} is not; the version itself is published",
            f"export {_TOKEN} with the right to write to {params.repo}, or set publish.hub: null",
        )
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    hub, tag = HfApi(endpoint=endpoint, token=token), f"v{manifest.version}"
    try:
        hub.create_repo(params.repo, repo_type=_KIND, private=params.private, exist_ok=True)
        refs = hub.list_repo_refs(params.repo, repo_type=_KIND)
        if tag in {one.name for one in refs.tags}:
            return f"{params.repo} has {tag} already"
        with tempfile.TemporaryDirectory() as scratch:
            # As `prefline get` writes it, which is what the card names.
            at = Location(store, manifest.dataset, str(manifest.version))
            get(at, manifest, Path(scratch))
            made = hub.upload_folder(
                repo_id=params.repo, folder_path=scratch, repo_type=_KIND,
                commit_message=f"{manifest.dataset}@{manifest.version}",
                delete_patterns="*.parquet",
            )  # fmt: skip
        hub.create_tag(params.repo, tag=tag, revision=made.oid, repo_type=_KIND, exist_ok=True)
    except hub_failures(HfHubHTTPError) as error:
        raise ObjectStoreError(
            f"copying {manifest.dataset}@{manifest.version} to {params.repo} failed: {error}",
            f"check publish.hub and the rights of {_TOKEN}, then run the same command again; the "
            "version itself is published",
        ) from error
    return f"copied to {params.repo} as {tag}"


def hub_failures(of_hub: type[Exception]) -> tuple[type[Exception], ...]:
    """Return what the Hub's client raises if a request fails: an error of its own, one of the HTTP
    client beneath it, whichever that is, or these two for a file and for a card that is refused."""
    beneath = [one for one in of_hub.__mro__ if one.__name__ == "HTTPError"]
    return (of_hub, *beneath, RuntimeError, ValueError)
