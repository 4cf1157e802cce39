"""Commands about the files of a dataset and its models: get, verify, gc, models."""

from __future__ import annotations

import tempfile
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from prefline.cli.output import AsJson, emit
from prefline.cli.releases import Uri, VersionUri, dataset_at
from prefline.text import number_of


def get(
    uri: VersionUri,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="where the files go")],
    split: Annotated[str | None, typer.Option(help="One split alone.")] = None,
    format: Annotated[  # noqa: A002
        str | None, typer.Option(help="One format alone; all if left out.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Download a version: <DIR>/<split>/part-00000.parquet and its card. Goes on where it was."""
    from prefline.errors import VersionNotFound
    from prefline.releases import locate, read_manifest
    from prefline.releases.transfer import get as get_files

    location = locate(uri)
    manifest = read_manifest(location)
    files = [
        file
        for name in manifest.formats
        if format in (None, name)
        for file in manifest.of(name, split)
    ]
    if not files:
        splits = sorted({file.split for file in manifest.files})
        raise VersionNotFound(
            f"{location.uri}@{manifest.version} has nothing of split {split!r} and format "
            f"{format!r}",
            f"it has the splits {', '.join(splits)} and the formats {', '.join(manifest.formats)}",
        )
    paths = [str(path) for path in get_files(location, manifest, folder, files)]
    emit("\n".join(paths), {"version": manifest.version, "files": paths}, as_json=as_json)


def verify(uri: VersionUri, as_json: AsJson = False) -> None:
    """Check every byte of a version against its hash; ends with 1 if something is wrong."""
    from prefline.releases import locate, read_manifest
    from prefline.releases.transfer import verify as check

    location = locate(uri)
    manifest = read_manifest(location)
    with tempfile.TemporaryDirectory() as scratch:
        faults = check(location, manifest, Path(scratch))
    version = f"{location.uri}@{manifest.version}"
    text = (
        "\n".join(faults)
        or f"{version}: {number_of(len(manifest.files), 'file')} and the card are whole"
    )
    emit(text, {"version": manifest.version, "ok": not faults, "faults": faults}, as_json=as_json)
    raise typer.Exit(1 if faults else 0)


def gc(
    uri: Uri,
    grace_days: Annotated[
        float, typer.Option(min=0, max=36_500, help="Younger than this is kept.")
    ] = 7.0,
    yanked: Annotated[
        bool, typer.Option("--yanked", help="Also the files of versions withdrawn that long ago.")
    ] = False,
    delete: Annotated[
        bool, typer.Option("--delete", help="Delete; without it, only say what would be.")
    ] = False,
    take_over: Annotated[
        bool, typer.Option("--take-over", help="End collections that were killed.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Delete files that no version names, and with --yanked those of withdrawn ones; a dry run
    unless --delete."""
    from prefline.releases import read_manifest
    from prefline.releases.gc import GcRules, collect_garbage, find_garbage
    from prefline.releases.yanks import read_version_index

    location = dataset_at(uri)
    versions = read_version_index(location.store, location.dataset).versions
    if not versions and not location.store.list(f"{location.dataset}/objects/"):
        read_manifest(location)  # says that there is no such dataset
    rules = GcRules(timedelta(days=grace_days), yanked, take_over)
    garbage = (collect_garbage if delete else find_garbage)(location.store, location.dataset, rules)
    size = sum(garbage.objects.values())
    did = "deleted" if delete else "would delete"
    lines = [f"{did} {len(garbage.objects):,} file(s), {size / 1e6:,.1f} MB"]
    lines += [f"  {sha256}  {count:,} bytes" for sha256, count in garbage.objects.items()]
    lines += [f"  files of version {version}, which is withdrawn" for version in garbage.versions]
    lines += [f"  half done: {key}" for key in garbage.unfinished]
    lines += [f"  left by a publisher that died: {key}" for key in garbage.intents]
    lines += [f"kept for a publisher at work: {sha256}" for sha256 in garbage.spared]
    emit("\n".join(lines), {"deleted": delete, "bytes": size, **asdict(garbage)}, as_json=as_json)


_Name = Annotated[str | None, typer.Argument(help="A model, to download it.")]
_Target = Annotated[
    Path | None, typer.Argument(metavar="DIR", help="The folder to download it to.")
]


def models(uri: Uri, name: _Name = None, folder: _Target = None, as_json: AsJson = False) -> None:
    """List the models that were trained on a dataset and published beside it; or download one."""
    from prefline.releases.models import fetch_model, list_models

    location = dataset_at(uri)
    if name is not None:
        target = folder or Path(name)
        paths = [str(path) for path in fetch_model(location, name, target)]
        emit(
            f"{name}: {number_of(len(paths), 'file')} in {target}",
            {"files": paths},
            as_json=as_json,
        )
        return
    notes = list_models(location)
    lines = [
        f"{note['name']}  {note['kind']}, from version {note['data'].get('version')}, "
        f"base {note.get('base')}"
        for note in notes
    ]
    emit("\n".join(lines) or f"{location.uri} has no models", {"models": notes}, as_json=as_json)
