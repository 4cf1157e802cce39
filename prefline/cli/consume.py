"""Commands for the people who use a dataset: versions, show, diff, get, verify, channel."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from prefline.cli.output import AsJson, emit

Uri = Annotated[str, typer.Argument(metavar="URI", help="<store>/<dataset>, such as store/demo")]
VersionUri = Annotated[str, typer.Argument(metavar="URI@V", help="V: a number or a channel")]


def versions(uri: Uri, as_json: AsJson = False) -> None:
    """The versions of a dataset, and where its channels point."""
    from prefline.releases import Location, list_versions, locate, read_manifest
    from prefline.releases.channels import channel_names, read_channel

    at = locate(uri)
    channels = {
        name: read_channel(at.store, at.dataset, name)
        for name in channel_names(at.store, at.dataset)
    }
    rows: list[dict[str, Any]] = []
    for number in list_versions(at.store, at.dataset) or [read_manifest(at).version]:
        manifest = read_manifest(Location(at.store, at.dataset, str(number)))
        names = [name for name, version in channels.items() if version == number]
        rows.append(
            {
                "version": number,
                "rows": manifest.rows,
                "created_at": manifest.created_at,
                "parent": manifest.parent,
                "channels": names,
            }
        )
    text = "\n".join(
        f"{row['version']:>6}  {row['created_at']}  {_counts(row['rows'])}  "
        f"{', '.join(row['channels'])}"
        for row in rows
    )
    emit(text, {"uri": at.uri, "versions": rows, "channels": channels}, as_json=as_json)


def show(uri: VersionUri, as_json: AsJson = False) -> None:
    """What a version holds, how it was made, and how good its labels are."""
    from prefline.releases import locate, read_manifest
    from prefline.releases.layout import card_key

    at = locate(uri)
    manifest = read_manifest(at)
    card = at.store.get(card_key(at.dataset, manifest.version)).decode()
    head = (
        f"{at.uri}@{manifest.version}, created {manifest.created_at}, "
        f"git {manifest.lineage.get('git_commit')}\n"
    )
    import orjson

    emit(head + card.split("---\n", 2)[-1], orjson.loads(manifest.encode()), as_json=as_json)


def diff(
    old: VersionUri,
    new: Annotated[str, typer.Argument(metavar="URI@V", help="the version to compare with")],
    as_json: AsJson = False,
) -> None:
    """What changed between two versions: rows, labels, splits, categories, columns."""
    from prefline.releases import locate, read_manifest
    from prefline.releases.diff import diff as compare
    from prefline.releases.load import cache_folder

    at = locate(new)
    found = compare(
        at, read_manifest(locate(old)), read_manifest(at), cache_folder() / "objects"
    ).as_dict()
    lines = [
        f"{name:<10}{found[name]:>10,}"
        for name in ("added", "removed", "kept", "flipped", "moved", "p_changed")
    ]
    lines += [
        f"  {category}: +{churn['added']:,} -{churn['removed']:,}"
        for category, churn in found["categories"].items()
    ]
    lines += [
        f"columns {word}: {', '.join(names)}" for word, names in found["columns"].items() if names
    ]
    emit("\n".join(lines), found, as_json=as_json)


def get(
    uri: VersionUri,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="where the files go")],
    as_json: AsJson = False,
) -> None:
    """Download a version: <DIR>/<split>/part-00000.parquet and its card."""
    from prefline.releases import locate, read_manifest
    from prefline.releases.transfer import get as get_files

    at = locate(uri)
    manifest = read_manifest(at)
    paths = [str(path) for path in get_files(at, manifest, folder)]
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


def channel(
    uri: Uri,
    name: Annotated[str, typer.Argument(metavar="NAME")],
    version: Annotated[int | None, typer.Argument(metavar="[V]")] = None,
    as_json: AsJson = False,
) -> None:
    """Where a channel points and has pointed; with V, point it there."""
    from prefline.releases import Location, locate, read_manifest
    from prefline.releases.channels import channel_history, move_channel

    at = locate(uri)
    if version is not None:
        read_manifest(Location(at.store, at.dataset, str(version)))  # it must exist
        move_channel(at.store, at.dataset, name, version)
    history: list[dict[str, Any]] = channel_history(at.store, at.dataset, name)
    if not history:
        read_manifest(Location(at.store, at.dataset, name))  # says what there is instead
    text = "\n".join(f"{one['entry']:>6}  {one['at']}  -> {one['version']}" for one in history)
    data = {"channel": name, "version": history[-1]["version"], "history": history}
    emit(text, data, as_json=as_json)


def _counts(rows: dict[str, int]) -> str:
    return ", ".join(f"{split} {count:,}" for split, count in sorted(rows.items()))
