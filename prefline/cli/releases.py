"""Commands about versions and channels: versions, show, channel, yank."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from prefline.cli.output import AsJson, emit

if TYPE_CHECKING:
    from prefline.releases import Location

Uri = Annotated[str, typer.Argument(metavar="URI", help="<store>/<dataset>, such as store/demo")]
VersionUri = Annotated[str, typer.Argument(metavar="URI@V", help="V: a number or a channel")]


def dataset_at(uri: str) -> Location:
    """Where a dataset is, for a command that concerns all of its versions.

    Raises `InputError` for an address with a version, which it would not heed.
    """
    from prefline.errors import InputError
    from prefline.releases import locate

    where, at, version = uri.rpartition("/")[2].partition("@")
    if at:
        raise InputError(
            f"{uri!r} names a version, but the command is about the whole dataset",
            f"leave @{version} out: {uri.rpartition('/')[0]}/{where}",
        )
    return locate(uri)


def versions(uri: Uri, as_json: AsJson = False) -> None:
    """The versions of a dataset, which of them are withdrawn, and where its channels lead."""
    from prefline.errors import VersionYanked
    from prefline.releases import read_manifest, sound_manifests
    from prefline.releases.channels import channel_names, read_channel
    from prefline.releases.yanks import read_shelf, yanks_of

    at = dataset_at(uri)
    shelf = read_shelf(at.store, at.dataset)
    if not shelf.versions:
        read_manifest(at)  # says what there is instead
    channels: dict[str, int | None] = {}
    for name in channel_names(at.store, at.dataset):
        try:
            channels[name] = read_channel(at.store, at.dataset, name)
        except VersionYanked:
            channels[name] = None
    yanks = yanks_of(at.store, at.dataset, shelf)
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
        for manifest in sound_manifests(at.store, at.dataset)
    ]
    lines = [_line(row) for row in rows]
    lines += [
        f"channel {name} leads nowhere: every version that it has pointed to is withdrawn"
        for name, version in channels.items()
        if version is None
    ]
    data = {"uri": at.uri, "versions": rows, "channels": channels}
    emit("\n".join(lines), data, as_json=as_json)


def _line(row: dict[str, Any]) -> str:
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
    """What a version holds, how it was made, and how good its labels are."""
    import orjson

    from prefline.releases import locate, read_manifest
    from prefline.releases.card import split_card
    from prefline.releases.layout import card_key

    at = locate(uri)
    manifest = read_manifest(at)
    card = at.store.get(card_key(at.dataset, manifest.version)).decode()
    head = (
        f"{at.uri}@{manifest.version}, created {manifest.created_at}, "
        f"git {manifest.lineage.get('git_commit')}"
        f"{' with changes' if manifest.lineage.get('git_dirty') else ''}\n"
    )
    emit(head + split_card(card)[1], orjson.loads(manifest.encode()), as_json=as_json)


def channel(
    uri: Uri,
    name: Annotated[str, typer.Argument(metavar="NAME")],
    version: Annotated[int | None, typer.Argument(metavar="[V]")] = None,
    as_json: AsJson = False,
) -> None:
    """Where a channel points and has pointed; with V, point it there."""
    from prefline.releases.channels import channel_history, point_channel, read_channel

    at = dataset_at(uri)
    if version is not None:
        point_channel(at.store, at.dataset, name, version)
    history: list[dict[str, Any]] = channel_history(at.store, at.dataset, name)
    if not history:
        raise _no_channel(at, name)
    leads_to = read_channel(at.store, at.dataset, name)
    text = "\n".join(f"{one['entry']:>6}  {one['at']}  -> {one['version']}" for one in history)
    if leads_to != history[-1]["version"]:
        text += f"\n{history[-1]['version']} is withdrawn: the channel leads to {leads_to}"
    emit(text, {"channel": name, "version": leads_to, "history": history}, as_json=as_json)


def _no_channel(at: Any, name: str) -> Exception:
    from prefline.errors import VersionNotFound
    from prefline.releases.channels import channel_names

    there = ", ".join(channel_names(at.store, at.dataset)) or "none"
    return VersionNotFound(
        f"{at.uri} has no channel {name!r}",
        f"there are: {there}; point one with `prefline channel {at.uri} {name} V`",
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
    from prefline.releases.withdraw import take_back, withdraw

    if undo == bool(reason and reason.strip()):
        raise InputError(
            "a version is withdrawn with --reason, or taken back with --undo",
            f'run `prefline yank {uri} --reason "..."`',
        )
    if reason and not reason.isprintable():
        raise InputError(
            f"the reason {reason!r} is not one line of plain text", "give it as UTF-8 in one line"
        )
    at = locate(uri)
    if undo:
        version, changed = take_back(at)
        text = f"{at.uri}@{version} is {'no longer' if changed else 'not'} withdrawn"
        emit(text, {"version": version, "yanked": False, "changed": changed}, as_json=as_json)
        return
    assert reason is not None
    version, moved = withdraw(at, reason.strip())
    lines = [f"{at.uri}@{version} is withdrawn: {reason.strip()}"]
    lines += [
        f"channel {name} now leads to {target}" if target else f"channel {name} now leads nowhere"
        for name, target in moved.items()
    ]
    data = {"version": version, "yanked": True, "reason": reason.strip(), "channels": moved}
    emit("\n".join(lines), data, as_json=as_json)


def _counts(rows: dict[str, int]) -> str:
    return ", ".join(f"{split} {count:,}" for split, count in sorted(rows.items()))
