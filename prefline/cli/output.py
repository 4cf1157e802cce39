"""Output of a command: text for a person, JSON for a program."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping
from typing import Annotated, Any

import orjson
import typer

from prefline.errors import PreflineError, PreflineWarning
from prefline.text import visible

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]


def emit(text: str, data: Any, *, as_json: bool) -> None:
    """Print `text`, what is hidden in it spelled out, or `data` as one JSON document where `--json`
    was given."""
    if as_json:
        sys.stdout.write(orjson.dumps(data, option=orjson.OPT_INDENT_2).decode() + "\n")
    else:
        typer.echo(visible(text))


def show_warnings_plainly() -> None:
    """Print warnings of ours on standard error as one line; others as Python does."""
    as_python_does = warnings.formatwarning

    def plain(message: Warning | str, category: type[Warning], *where: Any, **line: Any) -> str:
        if issubclass(category, PreflineWarning):
            return f"warning: {visible(str(message))}\n"
        return as_python_does(message, category, *where, **line)

    warnings.formatwarning = plain


def report_error(error: PreflineError, *, as_json: bool) -> None:
    """Print an error on standard error; as JSON with its kind, problem and remedy if asked."""
    if as_json:
        data = {"error": type(error).__name__, "problem": error.problem, "remedy": error.remedy}
        sys.stderr.write(orjson.dumps(data).decode() + "\n")
    else:
        typer.secho(f"error: {visible(str(error))}", err=True, fg=typer.colors.RED)


def counted(counts: Mapping[str, int]) -> str:
    """Return counts by reason in words, such as "tie 3, same_text 1"."""
    return ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items()))
