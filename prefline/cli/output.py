"""How a command says what it found: text for a person, JSON for a program."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import orjson
import typer

from prefline.errors import PreflineError

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]


def emit(text: str, data: Any, *, as_json: bool) -> None:
    """Print `text`, or `data` as one JSON document where `--json` was given."""
    if as_json:
        sys.stdout.write(orjson.dumps(data, option=orjson.OPT_INDENT_2).decode() + "\n")
    else:
        typer.echo(text)


def report_error(error: PreflineError, *, as_json: bool) -> None:
    """Print an error on standard error; as JSON with its kind, problem and remedy if asked."""
    if as_json:
        data = {"error": type(error).__name__, "problem": error.problem, "remedy": error.remedy}
        sys.stderr.write(orjson.dumps(data).decode() + "\n")
    else:
        typer.secho(f"error: {error}", err=True, fg=typer.colors.RED)
