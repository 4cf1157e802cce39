"""The command `prefline recall`: what a judge that was found bad has touched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from prefline.cli.output import AsJson, emit
from prefline.cli.releases import Uri, dataset_at, require_reason
from prefline.text import number_of

if TYPE_CHECKING:
    from prefline.releases import Location
    from prefline.releases.recall import TouchedVersion


def recall(
    uri: Uri,
    judge: Annotated[str, typer.Option(metavar="NAME", help="The judge, as params name it.")],
    yank: Annotated[
        str | None,
        typer.Option(metavar="REASON", help="Withdraw every version touched; readers are told."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Name the versions, rows and models that a judge touched; with --yank withdraw these versions.

    Models are not withdrawn: train them again on a version without the judge.
    """
    from prefline.errors import InputError
    from prefline.releases import read_manifest
    from prefline.releases.recall import judges_of, touched_versions
    from prefline.releases.yanks import read_version_index

    if yank is not None:
        require_reason(yank, f'prefline recall {uri} --judge {judge} --yank "..."')
    location = dataset_at(uri)
    if not read_version_index(location.store, location.dataset).versions:
        read_manifest(location)  # says what there is instead
    touched = touched_versions(location, judge)
    if not touched:
        names = ", ".join(judges_of(location)) or "none"
        raise InputError(
            f"{location.uri}: no version has a judge {judge!r}", f"its judges: {names}"
        )
    moved = _withdraw(location, touched, yank.strip()) if yank else {}
    models = sorted({name for version in touched for name in version.models})
    lines = [_line(version) for version in touched]
    lines += [f"model {name}: train it again on a version without the judge" for name in models]
    if yank:
        numbers = ", ".join(str(number) for number in moved)
        lines.append(
            f"withdrawn: {numbers or 'none that was not withdrawn before'}: {yank.strip()}"
        )
        lines += [
            f"channel {name} now leads {f'to {target}' if target else 'nowhere'}"
            for name, target in _last_moves(moved).items()
        ]
    else:
        lines.append('nothing is changed; --yank "why" withdraws these versions')
    data = {
        "uri": location.uri,
        "judge": judge,
        "versions": [version.as_dict() for version in touched],
        "models": models,
        "withdrawn": list(moved),
        "channels": _last_moves(moved),
    }
    emit("\n".join(lines), data, as_json=as_json)


def _withdraw(
    location: Location, touched: list[TouchedVersion], reason: str
) -> dict[int, dict[str, int | None]]:
    """Withdraw what is not withdrawn yet; return the moves of channels by version.

    The oldest first, so that a channel is moved past every version that goes with it.
    """
    from dataclasses import replace

    from prefline.releases.versions import withdraw

    moved = {}
    for version in touched:
        if version.yanked is None:
            at = replace(location, wanted=str(version.version))
            moved[version.version] = withdraw(at, reason)[1]
    return moved


def _last_moves(moved: dict[int, dict[str, int | None]]) -> dict[str, Any]:
    return {name: target for moves in moved.values() for name, target in moves.items()}


def _line(version: TouchedVersion) -> str:
    words = [f"{version.version:>6}", version.created_at]
    if version.files_deleted:
        words.append("its rows were deleted since")
    elif version.count:
        splits = ", ".join(f"{split} {count:,}" for split, count in version.rows.items())
        words.append(
            f"{version.count:,} of {number_of(version.of, 'row')} ({splits}), "
            f"{version.alone:,} by it alone"
        )
    else:
        words.append(f"none of {number_of(version.of, 'row')}")
    if version.fitted:
        words.append("fitted together with the other judges, so others' labels may have moved")
    words += [f"channel {name}" for name in version.channels]
    words += [f"model {name}" for name in version.models]
    words += [f"WITHDRAWN: {version.yanked}"] if version.yanked is not None else []
    return "  ".join(words)
