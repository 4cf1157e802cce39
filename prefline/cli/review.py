"""`prefline review`: the local web page for people."""

from __future__ import annotations

import sys
import threading
from typing import Annotated

import orjson
import typer

from prefline.cli.output import AsJson
from prefline.project import find_project

_PORT = 8650


def review(
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
