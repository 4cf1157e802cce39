"""The command `diff`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from prefline.cli.output import AsJson, emit
from prefline.cli.releases import VersionUri


def diff(
    old: VersionUri,
    new: Annotated[str, typer.Argument(metavar="URI@V", help="the version to compare with")],
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a page too.")] = None,
    examples: Annotated[int, typer.Option(min=0, help="Flipped pairs to name.")] = 10,
    as_json: AsJson = False,
) -> None:
    """What changed between two versions: rows, labels, splits, columns, label quality."""
    from prefline.atomic import atomic_write
    from prefline.releases import locate, read_manifest
    from prefline.releases.diff import Side
    from prefline.releases.diff import diff as compare
    from prefline.releases.diff_page import as_page, as_text

    before, after = (Side(at, read_manifest(at)) for at in (locate(old), locate(new)))
    found = compare(before, after, examples)
    if html is not None:
        with atomic_write(html) as file:
            file.write(as_page(found).encode())
    text = as_text(found) + (f"\nwritten to {html}" if html else "")
    emit(text, found.as_dict(), as_json=as_json)
