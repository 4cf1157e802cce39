"""`prefline review`: the local web page for people; `push` and `pull` for tools of others."""

from __future__ import annotations

import sys
import threading
from contextlib import closing
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import orjson
import typer

from prefline.cli.output import AsJson, emit
from prefline.cli.project_commands import project_module
from prefline.errors import InputError
from prefline.project import find_project
from prefline.text import number_of

_PORT = 8650

review_app = typer.Typer(invoke_without_command=True)


class _Tool(StrEnum):
    LABEL_STUDIO = "label_studio"
    ARGILLA = "argilla"


_Which = Annotated[_Tool, typer.Argument(metavar="label_studio|argilla", help="The tool.")]
_Url = Annotated[
    str | None,
    typer.Option(help="Its address; else LABEL_STUDIO_URL or ARGILLA_API_URL."),
]
_Name = Annotated[str, typer.Option(help="The project's title, or the dataset's name, there.")]
_Workspace = Annotated[str | None, typer.Option(help="Argilla's; the first if not given.")]
_NAME = "prefline-review"


@review_app.callback()
def review(
    context: typer.Context,
    port: Annotated[
        int | None, typer.Option(help=f"Port to listen on, 0 for a free one; {_PORT} by default.")
    ] = None,
    host: Annotated[
        str, typer.Option(help="Address to listen on; anything but the loopback is warned of.")
    ] = "127.0.0.1",
    hourly_usd: Annotated[
        float, typer.Option(min=0, help="What an hour of a reviewer costs; 0 shows no cost.")
    ] = 30.0,
    repeat_share: Annotated[
        float, typer.Option(min=0, max=1, help="Pairs shown twice, to measure steadiness.")
    ] = 0.1,
    version: Annotated[
        str | None, typer.Option("--in", metavar="URI@V", help="a published version to browse")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """A web page on the loopback: review pairs blind, browse the tables, watch a run."""
    if context.invoked_subcommand is not None:
        return
    from prefline.review.guard import kept_token
    from prefline.review.server import LOOPBACK, guarded, listen, make_app, serve

    project = find_project()
    app = make_app(project, repeat_share=repeat_share, hourly_usd=hourly_usd, version=version or "")
    token = kept_token(project.replies.parent / "review-token")
    listener = listen(host, _PORT if port is None else port, fixed=port is not None)
    if host not in LOOPBACK:
        sys.stderr.write(
            f"warning: {host} is not the loopback: whoever has the address can read the data and "
            "answer, and nothing is encrypted on the way\n"
        )
    bound = listener.getsockname()[1]
    shown_host = f"[{host}]" if ":" in host else host
    url = f"http://{shown_host}:{bound}/{token}/"

    def announce() -> None:
        line = orjson.dumps({"url": url}).decode() if as_json else f"open {url}   (Ctrl-C ends it)"
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
        threading.Thread(target=app.state.prepare, daemon=True).start()

    serve(guarded(app, token, host), listener, announce)


@review_app.command()
def push(
    tool: _Which,
    url: _Url = None,
    name: _Name = _NAME,
    workspace: _Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Put the pairs of data/review on a server of Label Studio or Argilla; again only new ones.

    The key is in LABEL_STUDIO_API_KEY or ARGILLA_API_KEY.
    """
    from prefline.config import read_params

    project = find_project()
    wanted = read_params(project.params).pair.review.reviewers_per_pair
    with closing(_server(tool, url, name, workspace)) as server:
        pushed = server.push(project.table("review"), wanted)
    data = {"tool": tool.value, "name": name, "new": pushed.new, "already": pushed.already}
    emit(
        f"{number_of(pushed.new, 'pair')} put into {name!r}, {pushed.already:,} were there; "
        f"when people have answered: `prefline review pull {tool.value}`",
        data,
        as_json=as_json,
    )


@review_app.command()
def pull(
    tool: _Which,
    url: _Url = None,
    name: _Name = _NAME,
    workspace: _Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Fetch people's answers from a server of Label Studio or Argilla into data/reviews.

    The file of an earlier pull is replaced. One that cannot be read is not kept.
    """
    project = find_project()
    with closing(_server(tool, url, name, workspace)) as server:
        rows = server.pull()
    file = project.reviews / f"{tool.value}-{_as_file_name(name)}.json"
    answers = _kept(rows, file, project_module(project, "tasks.pair.answers"))
    data = {
        "tool": tool.value, "name": name, "file": str(file), "pairs": len(rows),
        "answers": len(answers.given), "skipped": answers.skipped,
        "reviewers": sorted({answer.reviewer for answer in answers.given}),
    }  # fmt: skip
    emit(
        f"{number_of(data['answers'], 'answer')} of "
        f"{number_of(len(data['reviewers']), 'person', 'people')} on "
        f"{number_of(len(rows), 'pair')}, {answers.skipped:,} skipped, in {file}; "
        "`dvc repro pair` uses them",
        data,
        as_json=as_json,
    )


def _server(tool: _Tool, url: str | None, name: str, workspace: str | None) -> Any:
    """Return the tool's server. Raises `InputError` where address or key is not said."""
    from prefline.config.environment import review_server
    from prefline.review.tools import TOOLS

    address, key, variables = review_server(tool.value)
    address = url or address
    for value, what, remedy in (
        (address, "address", f"give --url, or set {variables[0]}"),
        (key, "key", f"set {variables[1]} to a key of the server"),
    ):
        if not value:
            raise InputError(f"the {what} of {tool.value} is not known", remedy)
    assert address is not None
    assert key is not None
    return TOOLS[tool.value](address, key, name, workspace)


def _as_file_name(name: str) -> str:
    return "".join(sign if sign.isalnum() or sign in "-_" else "-" for sign in name)


def _kept(rows: list[dict[str, Any]], file: Path, module: Any) -> Any:
    """Write an export where it can be read as one, and return the answers in it."""
    from prefline.atomic import atomic_write

    content = orjson.dumps(rows, option=orjson.OPT_INDENT_2, default=str)
    with TemporaryDirectory() as folder:
        (Path(folder) / file.name).write_bytes(content)  # read as the stage `pair` will
        answers = module.read_answers(Path(folder))
    with atomic_write(file) as written:
        written.write(content)
    return answers
