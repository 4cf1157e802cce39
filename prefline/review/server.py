"""The application and the server that listens for it, on the loopback."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from importlib.resources import files

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import PlainTextResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from prefline.config import read_params
from prefline.errors import InputError, PortTaken, PreflineError
from prefline.project import Project
from prefline.review.browse import Browser
from prefline.review.browsing import BrowsePages
from prefline.review.desk import Desk
from prefline.review.effect import EffectMeter
from prefline.review.guard import App, Guard
from prefline.review.pages import asks_for_part, page
from prefline.review.rendering import shown
from prefline.review.report import ReportPage
from prefline.review.repro import Repro
from prefline.review.reviewing import ReviewPages
from prefline.review.tables import TableViews, open_version, parts_of_project
from prefline.review.watch import Watcher, WatchPages
from prefline.unexpected import as_error

LOOPBACK = ("127.0.0.1", "localhost", "::1")
_ANY = ("0.0.0.0", "::", "")  # noqa: S104 - told from others here, not listened on


def make_app(
    project: Project, *, repeat_share: float = 0.1, hourly_usd: float = 30.0, version: str = ""
) -> FastAPI:
    """Return the application for a project; `version` (`<store>/<dataset>@<V>`) is browsed in the
    place of its tables. Raises `ParamsError`, and what reading a version raises."""
    params = read_params(project.params)
    desk = Desk(
        project,
        reviewers_per_pair=params.pair.review.reviewers_per_pair,
        repeat_share=repeat_share,
    )
    app = FastAPI(title="Prefline", openapi_url=None, docs_url=None, redoc_url=None)
    app.add_exception_handler(Exception, _problem)
    app.add_exception_handler(PreflineError, _problem)
    app.add_exception_handler(HTTPException, _no_page)
    app.add_exception_handler(RequestValidationError, _no_page)
    meter = EffectMeter(project, params, hourly_usd)
    app.include_router(ReviewPages(desk, meter, Repro(project)).router())
    browse = _browse(project, version, (project, params.publish.store, params.publish.dataset))
    app.include_router(browse.router())
    app.include_router(WatchPages(Watcher(project)).router())
    app.include_router(ReportPage(project).router())

    def prepare() -> None:
        """Read what the first pages would wait for."""
        browse.browser.prepare()
        with suppress(PreflineError):  # the page says so
            meter.measure(desk)

    app.state.prepare = prepare
    app.mount("/static", StaticFiles(directory=str(files("prefline.review") / "static")))
    return app


def _browse(project: Project, version: str, store: tuple[Project, str, str]) -> BrowsePages:
    if not version:
        views = TableViews(parts_of_project(project))
        return BrowsePages(Browser(views), project, store=store)
    at = open_version(version, project)
    return BrowsePages(Browser(TableViews(at.parts)), project, at.name, tuple(at.missing), store)


def _problem(request: Request, error: Exception) -> Response:
    """Return an error with its remedy, as a page or for the notice on one."""
    known = as_error(error)
    status = 404 if isinstance(known, InputError) else 500
    problem, remedy = shown(known.problem), shown(known.remedy)
    if asks_for_part(request):
        return PlainTextResponse(f"{problem}\n{remedy}", status)
    return page(request, "problem.html.j2", status=status, problem=problem, remedy=remedy)


def _no_page(request: Request, error: Exception) -> Response:
    del error
    address = request.url.path.removeprefix(request.scope["root_path"])
    missing = InputError(f"there is no page at {address[:200]!r}", "begin at the start")
    return _problem(request, missing)


def listen(host: str, port: int, *, fixed: bool) -> socket.socket:
    """Return a socket that listens on `port`, or on a free one where it is taken and not `fixed`.

    Raises `PortTaken`.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for wanted in (port,) if fixed else (port, 0):
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, wanted))
        except OSError as error:
            listener.close()
            last = error
            continue
        listener.listen(128)
        return listener
    raise PortTaken(
        f"cannot listen on {host}:{port}: {last.strerror or last}",
        "give another --port, or --host with an address of this machine",
    ) from last


def guarded(app: App, token: str, host: str) -> Guard:
    """Return the application behind its guard, for a server that listens on `host`."""
    if host in LOOPBACK:
        return Guard(app, token)
    names = {socket.gethostname(), socket.getfqdn(), f"[{host}]" if ":" in host else host}
    return Guard(app, token, hosts=names, any_address=host in _ANY)


def serve(app: App, listener: socket.socket, announce: Callable[[], None]) -> None:
    """Serve until interrupted; `announce` is called once requests are answered."""
    config = uvicorn.Config(
        app, log_level="critical", access_log=False, lifespan="off", server_header=False,
        timeout_graceful_shutdown=1,
    )  # fmt: skip
    server = _Announcing(config, announce)
    server.run(sockets=[listener])


class _Announcing(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, announce: Callable[[], None]) -> None:
        super().__init__(config)
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._announce()
