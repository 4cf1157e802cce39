"""The pages on which people review: who they are, a pair, an answer, what is taken back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse

from prefline.errors import InputError
from prefline.review.answer_log import reviewer_name
from prefline.review.desk import EQUAL, LEFT, RIGHT, SKIP, Desk, Showing
from prefline.review.effect import EffectMeter, steadiness
from prefline.review.pages import asks_for_part, page
from prefline.review.rendering import LONGEST_SHOWN, answer, differences, part, plain
from prefline.review.repro import Repro
from prefline.tables.messages import message_from_row, parts_of

MARKDOWN, PLAIN, DIFFERENCES = "markdown", "plain", "differences"
_VIEWS = ((DIFFERENCES, "d", "Differences"), (PLAIN, "p", "Plain"))
_NAMES = ("Left", "Right")


@dataclass(frozen=True, slots=True)
class ReviewPages:
    """The pages of one project."""

    desk: Desk
    meter: EffectMeter
    repro: Repro

    def router(self) -> APIRouter:
        """Return the routes."""
        routes = APIRouter()
        routes.add_api_route("/", self.start, methods=["GET"])
        routes.add_api_route("/review", self.enter, methods=["GET"])
        routes.add_api_route("/review/{name}", self.pair, methods=["GET"])
        routes.add_api_route("/review/{name}/answers/{pair_id}", self.answers, methods=["GET"])
        routes.add_api_route("/review/{name}/answer", self.answer, methods=["POST"])
        routes.add_api_route("/review/{name}/undo", self.undo, methods=["POST"])
        routes.add_api_route("/repro", self.use_answers, methods=["GET", "POST"])
        return routes

    def start(self, request: Request) -> Response:
        """Ask who reviews."""
        return self._start(request)

    def _start(self, request: Request, name: str = "", problem: str = "") -> Response:
        reviewers = [
            {"name": one, "answers": len(self.desk.log(one).standing),
             "left": self.desk.progress(one).left}
            for one in self.desk.reviewers
        ]  # fmt: skip
        return page(
            request, "start.html.j2", queued=len(self.desk.queued), reviewers=reviewers, name=name,
            problem=problem, status=422 if problem else 200,
        )  # fmt: skip

    def enter(self, request: Request, reviewer: str = "") -> Response:
        """Go to the reviewer's own page."""
        try:
            name = reviewer_name(reviewer)
        except InputError as error:
            return self._start(request, reviewer, f"{error.problem}: {error.remedy}")
        return RedirectResponse(f"{request.scope['root_path']}/review/{quote(name)}", 303)

    def pair(self, request: Request, name: str, view: str = MARKDOWN) -> Response:
        """Show the reviewer's next pair."""
        return self._desk(request, reviewer_name(name), view, whole_page=True)

    def answers(
        self,
        request: Request,
        name: str,
        pair_id: str,
        repeat: bool = False,
        view: str = MARKDOWN,
        whole: bool = False,
    ) -> Response:
        """Show the two answers in another way: as they are, or their differences marked."""
        showing = self.desk.showing(pair_id, repeat=repeat)
        if showing is None:
            raise _gone(pair_id)
        return page(
            request, "answers.html.j2", reviewer=reviewer_name(name), showing=showing, view=view,
            sides=_sides(showing, view, whole=whole),
        )  # fmt: skip

    async def answer(self, request: Request, name: str) -> Response:
        """Keep an answer, then show the next pair."""
        form = dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
        return await run_in_threadpool(self._keep, request, reviewer_name(name), form)

    def _keep(self, request: Request, reviewer: str, form: dict[str, str]) -> Response:
        showing = self.desk.showing(form.get("pair_id", ""), repeat=form.get("repeat") == "1")
        if showing is None:
            raise _gone(form.get("pair_id", ""))
        if form.get("word") not in (LEFT, RIGHT, EQUAL, SKIP):
            raise InputError("the form has no answer", "take left, right, equal or skip")
        comment = form.get("comment", "").strip()
        self.desk.answer(
            reviewer, showing, form["word"], _seconds(form.get("seconds", "")), comment
        )
        return self._next(request, reviewer, form)

    async def undo(self, request: Request, name: str) -> Response:
        """Take the last answer back, and show its pair again."""
        form = dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
        reviewer = reviewer_name(name)
        await run_in_threadpool(self.desk.undo, reviewer, form.get("pair_id", ""))
        return await run_in_threadpool(self._next, request, reviewer, form)

    def _next(self, request: Request, reviewer: str, form: dict[str, str]) -> Response:
        if asks_for_part(request):
            return self._desk(request, reviewer, form.get("view", MARKDOWN), whole_page=False)
        base = request.scope["root_path"]
        return RedirectResponse(f"{base}/review/{quote(reviewer)}", 303)

    def _desk(self, request: Request, reviewer: str, view: str, *, whole_page: bool) -> Response:
        showing = self.desk.next_for(reviewer)
        view = view if view in (PLAIN, DIFFERENCES) else MARKDOWN
        shown: dict[str, Any] = {}
        if showing is not None:
            parts = parts_of(map(message_from_row, showing.prompt), showing.tools)
            turns = [
                {
                    "role": label if label in _ROLES else "other",
                    "label": label,
                    "html": part(label, text),
                }
                for label, text in parts
            ]
            shown = {"turns": turns, "sides": _sides(showing, view)}
        return page(
            request,
            "review.html.j2" if whole_page else "desk.html.j2",
            reviewer=reviewer,
            showing=showing,
            progress=self.desk.progress(reviewer),
            queued=len(self.desk.queued),
            effect=self.meter.measure(self.desk),
            steady=steadiness(self.desk.log(reviewer)),
            repro=self.repro.state(),
            view=view,
            views=_VIEWS,
            **shown,
        )

    def use_answers(self, request: Request) -> Response:
        """Run `dvc repro pair` (POST), and say how far it is."""
        if request.method == "POST":
            self.repro.start()
        return page(request, "repro.html.j2", repro=self.repro.state())


_ROLES = ("system", "user", "assistant", "tool")


def _sides(showing: Showing, view: str, *, whole: bool = False) -> list[dict[str, Any]]:
    """Return name, HTML, and how many characters are left out, of the two answers."""
    texts = (showing.left, showing.right)
    most = max(map(len, texts)) if whole else LONGEST_SHOWN
    cut = [text[:most] for text in texts]
    if view == DIFFERENCES:
        htmls = differences(cut[0], cut[1])
    else:
        show = plain if view == PLAIN else answer
        htmls = show(cut[0]), show(cut[1])
    return [
        {"name": name, "html": html, "cut": max(len(text) - most, 0)}
        for name, html, text in zip(_NAMES, htmls, texts, strict=True)
    ]


def _seconds(text: str) -> float | None:
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if 0 <= seconds < float("inf") else None


def _gone(pair_id: str) -> InputError:
    return InputError(
        f"the pair {pair_id[:40]!r} is not in the queue any more",
        "load the page again: the stage `pair` has drawn a new queue",
    )
