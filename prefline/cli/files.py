"""Commands about the files of a dataset: get, verify, gc."""

from __future__ import annotations

import tempfile
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from prefline.cli.output import AsJson, emit
from prefline.cli.releases import Uri, VersionUri, dataset_at


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

    at = locate(uri)
    manifest = read_manifest(at)
    files = [
        one
        for name in manifest.formats
        if format in (None, name)
        for one in manifest.of(name, split)
    ]
    if not files:
        splits = sorted({one.split for one in manifest.files})
        raise VersionNotFound(
            f"{at.uri}@{manifest.version} has nothing of split {split!r} and format {format!r}",
            f"it has the splits {', '.join(splits)} and the formats {', '.join(manifest.formats)}",
        )
    paths = [str(path) for path in get_files(at, manifest, folder, files)]
    emit("\n".join(paths), {"version": manifest.version, "files": paths}, as_json=as_json)


def verify(uri: VersionUri, as_json: AsJson = False) -> None:
    """Check every byte of a version against its hash; ends with 1 if something is wrong."""
    from prefline.releases import locate, read_manifest
    from prefline.releases.transfer import verify as check

    at = locate(uri)
    manifest = read_manifest(at)
    with tempfile.TemporaryDirectory() as scratch:
        faults = check(at, manifest, Path(scratch))
    where = f"{at.uri}@{manifest.version}"
    text = "\n".join(faults) or f"{where}: {len(manifest.files)} file(s) and the card are whole"
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
    """Files that no version names, and with --yanked those of withdrawn ones; a dry run unless
    --delete."""
    from prefline.releases import read_manifest
    from prefline.releases.gc import Rules, collect, find_garbage
    from prefline.releases.yanks import read_shelf

    at = dataset_at(uri)
    if not read_shelf(at.store, at.dataset).versions and not at.store.list(
        f"{at.dataset}/objects/"
    ):
        read_manifest(at)  # says that there is no such dataset
    rules = Rules(timedelta(days=grace_days), yanked, take_over)
    found = (collect if delete else find_garbage)(at.store, at.dataset, rules)
    size = sum(found.objects.values())
    did = "deleted" if delete else "would delete"
    lines = [f"{did} {len(found.objects):,} file(s), {size / 1e6:,.1f} MB"]
    lines += [f"  {sha256}  {count:,} bytes" for sha256, count in found.objects.items()]
    lines += [f"  files of version {version}, which is withdrawn" for version in found.versions]
    lines += [f"  half done: {key}" for key in found.unfinished]
    lines += [f"  left by a publisher that died: {key}" for key in found.intents]
    lines += [f"kept for a publisher at work: {sha256}" for sha256 in found.spared]
    emit("\n".join(lines), {"deleted": delete, "bytes": size, **asdict(found)}, as_json=as_json)
