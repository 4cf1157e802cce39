"""The command `models`: trained models beside a dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from prefline.cli.output import AsJson, emit
from prefline.cli.releases import Uri, dataset_at

Name = Annotated[str | None, typer.Argument(help="A model, to download it.")]
Target = Annotated[Path | None, typer.Argument(metavar="DIR", help="The folder to download it to.")]


def models(uri: Uri, name: Name = None, folder: Target = None, as_json: AsJson = False) -> None:
    """The models that were trained on a dataset and published beside it; or download one."""
    from prefline.releases.models import fetch_model, list_models

    at = dataset_at(uri)
    if name is not None:
        target = folder or Path(name)
        paths = [str(path) for path in fetch_model(at, name, target)]
        emit(f"{name}: {len(paths)} files in {target}", {"files": paths}, as_json=as_json)
        return
    found = list_models(at)
    lines = [
        f"{one['name']}  {one['kind']}, from version {one['data']['version']}, base {one['base']}"
        for one in found
    ]
    emit("\n".join(lines) or f"{at.uri} has no models", {"models": found}, as_json=as_json)
