"""Commands about versions and channels: versions, show, diff, channel, yank."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from prefline.cli.output import AsJson, emit

if TYPE_CHECKING:
    from prefline.releases import Location

Uri = Annotated[str, typer.Argument(metavar="URI", help="<store>/<dataset>, such as store/demo")]
VersionUri = Annotated[str, typer.Argument(metavar="URI@V", help="V: a number or a channel")]


def dataset_at(uri: str) -> Location:
    """Locate a dataset, for a command that concerns all of its versions.

    Raises `InputError` for an address with a version, which it would pass over.
    """
    from prefline.errors import InputError
    from prefline.releases import locate

    dataset, mark, version = uri.rpartition("/")[2].partition("@")
    if mark:
        raise InputError(
            f"{uri!r} names a version, but the command is about the whole dataset",
            f"leave @{version} out: {uri.rpartition('/')[0]}/{dataset}",
        )
    return locate(uri)


def versions(uri: Uri, as_json: AsJson = False) -> None:
    """List the versions of a dataset, those withdrawn, and where its channels lead."""
    from prefline.errors import DamagedWarning, VersionCorrupt, VersionYanked
    from prefline.releases import intact_manifests, read_manifest
    from prefline.releases.channels import channel_names, read_channel
    from prefline.releases.yanks import read_version_index, read_yanks

    location = dataset_at(uri)
    index = read_version_index(location.store, location.dataset)
    if not index.versions:
        read_manifest(location)  # says what there is instead
    channels: dict[str, int | None] = {}
    for name in channel_names(location.store, location.dataset):
        try:
            channels[name] = read_channel(location.store, location.dataset, name)
        except VersionYanked:
            channels[name] = None
        except VersionCorrupt as error:
            warnings.warn(DamagedWarning(error.problem), stacklevel=2)
    yanks = read_yanks(location.store, location.dataset, index)
    rows: list[dict[str, Any]] = [
        {
            "version": manifest.version,
            "rows": manifest.rows,
            "major": manifest.major,
            "formats": manifest.formats,
            "created_at": manifest.created_at,
            "parent": manifest.parent,
            "channels": [name for name, version in channels.items() if version == manifest.version],
            "yanked": yanks[manifest.version].reason if manifest.version in yanks else None,
            "files_deleted": manifest.version in yanks and yanks[manifest.version].collected,
            "forced": manifest.forced,
        }
        for manifest in intact_manifests(location.store, location.dataset)
    ]
    lines = [_version_line(row) for row in rows]
    lines += [
        f"channel {name} leads nowhere: every version that it has pointed to is withdrawn"
        for name, version in channels.items()
        if version is None
    ]
    data = {"uri": location.uri, "versions": rows, "channels": channels}
    emit("\n".join(lines), data, as_json=as_json)


def _version_line(row: dict[str, Any]) -> str:
    words = [
        f"{row['version']:>6}",
        row["created_at"],
        f"major {row['major']}",
        _counts(row["rows"]),
    ]
    words += [", ".join(row["channels"])] if row["channels"] else []
    words += [f"forced past validation: {row['forced']['reason']}"] if row["forced"] else []
    if row["yanked"] is not None:
        gone = ", files deleted" if row["files_deleted"] else ""
        words.append(f"WITHDRAWN{gone}: {row['yanked']}")
    return "  ".join(words)


def show(uri: VersionUri, as_json: AsJson = False) -> None:
    """Show what a version holds, how it was made, and how good its labels are."""
    import orjson

    from prefline.releases import locate, read_manifest
    from prefline.releases.card import split_card
    from prefline.releases.layout import card_key
    from prefline.releases.manifest import commit_words

    location = locate(uri)
    manifest = read_manifest(location)
    card = location.store.get(card_key(location.dataset, manifest.version)).decode()
    head = (
        f"{location.uri}@{manifest.version}, created {manifest.created_at}, "
        f"{commit_words(manifest.lineage)}\n"
    )
    emit(head + split_card(card)[1], orjson.loads(manifest.encode()), as_json=as_json)


def diff(
    old: VersionUri,
    new: Annotated[str, typer.Argument(metavar="URI@V", help="the version to compare with")],
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a page too.")] = None,
    examples: Annotated[int, typer.Option(min=0, help="Flipped pairs to name.")] = 10,
    as_json: AsJson = False,
) -> None:
    """Compare two versions: rows, labels, splits, columns, label quality."""
    from prefline.atomic import atomic_write
    from prefline.releases import locate, read_manifest
    from prefline.releases.diff import Side
    from prefline.releases.diff import diff as compare
    from prefline.releases.diff_page import as_page, as_text

    before, after = (
        Side(location, read_manifest(location)) for location in (locate(old), locate(new))
    )
    comparison = compare(before, after, examples)
    if html is not None:
        with atomic_write(html) as file:
            file.write(as_page(comparison).encode())
    text = as_text(comparison) + (f"\nwritten to {html}" if html else "")
    emit(text, comparison.as_dict(), as_json=as_json)


def channel(
    uri: Uri,
    name: Annotated[str, typer.Argument(metavar="NAME")],
    version: Annotated[int | None, typer.Argument(metavar="[V]")] = None,
    as_json: AsJson = False,
) -> None:
    """Show where a channel points and has pointed; with V, point it there."""
    from prefline.releases.channels import channel_history, point_channel, read_channel

    location = dataset_at(uri)
    if version is not None:
        point_channel(location.store, location.dataset, name, version)
    history: list[dict[str, Any]] = channel_history(location.store, location.dataset, name)
    if not history:
        raise _no_channel(location, name)
    leads_to = read_channel(location.store, location.dataset, name)
    text = "\n".join(f"{move['entry']:>6}  {move['at']}  -> {move['version']}" for move in history)
    if leads_to != history[-1]["version"]:
        text += f"\n{history[-1]['version']} is withdrawn: the channel leads to {leads_to}"
    emit(text, {"channel": name, "version": leads_to, "history": history}, as_json=as_json)


def _no_channel(location: Any, name: str) -> Exception:
    from prefline.errors import VersionNotFound
    from prefline.releases.channels import channel_names

    names = ", ".join(channel_names(location.store, location.dataset)) or "none"
    return VersionNotFound(
        f"{location.uri} has no channel {name!r}",
        f"there are: {names}; point one with `prefline channel {location.uri} {name} V`",
    )


def yank(
    uri: VersionUri,
    reason: Annotated[str | None, typer.Option(help="Why; every reader is told.")] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Take a withdrawal back.")] = False,
    as_json: AsJson = False,
) -> None:
    """Withdraw a version: readable by its number, with a warning; no channel leads to it."""
    from prefline.errors import InputError
    from prefline.releases import locate
    from prefline.releases.versions import take_back, withdraw

    if undo == bool(reason and reason.strip()):
        raise InputError(
            "a version is withdrawn with --reason, or taken back with --undo",
            f'run `prefline yank {uri} --reason "..."`',
        )
    if reason:
        require_reason(reason, f'prefline yank {uri} --reason "..."')
    location = locate(uri)
    if undo:
        version, changed = take_back(location)
        text = f"{location.uri}@{version} is {'no longer' if changed else 'not'} withdrawn"
        emit(text, {"version": version, "yanked": False, "changed": changed}, as_json=as_json)
        return
    assert reason is not None
    version, moved = withdraw(location, reason.strip())
    lines = [f"{location.uri}@{version} is withdrawn: {reason.strip()}"]
    lines += [
        f"channel {name} now leads to {target}" if target else f"channel {name} now leads nowhere"
        for name, target in moved.items()
    ]
    data = {"version": version, "yanked": True, "reason": reason.strip(), "channels": moved}
    emit("\n".join(lines), data, as_json=as_json)


def require_reason(reason: str, command: str) -> None:
    """Raise `InputError` for a reason of a withdrawal that is not one line of plain text.

    `command` is how the command would be called with one.
    """
    from prefline.errors import InputError

    if not reason.strip():
        raise InputError("a version is withdrawn with a reason", f"run `{command}`")
    if not reason.isprintable():
        raise InputError(
            f"the reason {reason!r} is not one line of plain text", "give it as UTF-8 in one line"
        )


def _counts(rows: dict[str, int]) -> str:
    return ", ".join(f"{split} {count:,}" for split, count in sorted(rows.items()))
