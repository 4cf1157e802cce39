"""The pages on which people look at the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import orjson
from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, ValidationError

from prefline.errors import InputError
from prefline.labeling import version_warrant
from prefline.labeling.parts import judge_parts
from prefline.llm import ReplyStore
from prefline.project import Project
from prefline.review.answer_log import AnswerLog, reviewers_in
from prefline.review.browse import Browser, PairFilters, PromptView, RejectionFilters
from prefline.review.pages import page
from prefline.review.rendering import LONGEST_SHOWN, answer, part, plain
from prefline.review.version_diff import KINDS, compare, latest_two
from prefline.tables.calls import keys_of
from prefline.tables.messages import message_from_row, parts_of

Row = dict[str, Any]
F = TypeVar("F", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class BrowsePages:
    """The pages over the tables of `project`, or over those of a published `version`; `store` is
    where the project publishes, and its dataset."""

    browser: Browser
    project: Project | None
    version: str = ""
    notes: tuple[str, ...] = ()
    store: tuple[Project, str, str] | None = None

    def router(self) -> APIRouter:
        """Return the routes."""
        routes = APIRouter()
        routes.add_api_route("/browse", self.pairs, methods=["GET"])
        routes.add_api_route("/browse/rejections", self.rejections, methods=["GET"])
        routes.add_api_route("/browse/versions", self.versions, methods=["GET"])
        routes.add_api_route("/browse/find", self.by_id, methods=["GET"])
        routes.add_api_route("/browse/id/{identity}", self.by_id, methods=["GET"])
        routes.add_api_route("/browse/prompt/{prompt_id}", self.prompt, methods=["GET"])
        routes.add_api_route("/browse/call/{key}", self.call, methods=["GET"])
        return routes

    def pairs(self, request: Request) -> Response:
        """Show a page of preferences, the oddest first."""
        filters = _filters(PairFilters, request)
        found = self.browser.pairs(filters)
        return self._page(
            request, "browse.html.j2", tab="pairs", filters=filters, found=found,
            facets=self.browser.facets(), links=_links(request, filters),
        )  # fmt: skip

    def rejections(self, request: Request) -> Response:
        """Show a page of what was rejected, with the reasons."""
        filters = _filters(RejectionFilters, request)
        return self._page(
            request, "rejections.html.j2", tab="rejections", filters=filters,
            found=self.browser.rejections(filters), reasons=self.browser.reasons(),
            links=_links(request, filters),
        )  # fmt: skip

    def versions(
        self, request: Request, old: str = "", new: str = "", kind: str = "", page: int = 1
    ) -> Response:
        """Show what differs between two published versions, row by row."""
        if kind and kind not in KINDS:
            raise InputError(f"kind={kind!r} in the address is none", f"take {', '.join(KINDS)}")
        diff = compare(old, new, kind, max(page, 1)) if old and new else None
        if not old and not new and self.store:
            old, new = latest_two(*self.store)
        bare = f"{request.scope['root_path']}/browse/versions?{urlencode({'old': old, 'new': new})}"
        this = f"{bare}&kind={kind}" if kind else bare
        links = {"before": f"{this}&page={page - 1}", "after": f"{this}&page={page + 1}"}
        links["bare"] = bare
        return self._page(
            request, "diff.html.j2", tab="versions", diff=diff, old=old, new=new, kind=kind,
            kinds=KINDS, links=links,
        )  # fmt: skip

    def by_id(self, request: Request, identity: str) -> Response:
        """Go to the prompt on which a row of this id hangs."""
        prompt_id = self.browser.prompt_of(identity.strip())
        if prompt_id is None:
            raise InputError(
                f"no table holds the id {identity[:60]!r}",
                "take an id from a column that ends in `id`",
            )
        base = request.scope["root_path"]
        address = f"{base}/browse/prompt/{quote(prompt_id)}#{quote(identity.strip())}"
        return RedirectResponse(address, 303)

    def prompt(self, request: Request, prompt_id: str) -> Response:
        """Show a prompt with all that hangs on it."""
        view = self.browser.prompt(prompt_id)
        if view is None:
            raise InputError(
                f"no table holds the prompt {prompt_id[:60]!r}", "look for it on the page Browse"
            )
        letters = {row["response_id"]: _letter(at) for at, row in enumerate(view.responses)}
        figures = self._weights()
        return self._page(
            request, "prompt.html.j2", tab="", view=view, letters=letters,
            turns=[{"role": label, "html": part(label, _cut(text))} for label, text in parts_of(
                map(message_from_row, view.prompt["messages"]), view.prompt.get("tools"))],
            responses=[{**row, "html": _shown(row["text"]), "letter": letters[row["response_id"]],
                        "keys": keys_of(row["request_key"])} for row in view.responses],
            pairs=[_pair(pair, letters, view.responses, figures) for pair in view.pairs],
            weights=figures, comments=self._comments(view),
        )  # fmt: skip

    def call(self, request: Request, key: str) -> Response:
        """Show the request and the raw reply of one call."""
        record = None
        if self.project is not None and self.project.replies.is_file():
            with ReplyStore(self.project.replies, read_only=True) as store:
                record = store.record(key)
        if record is None:
            raise InputError(
                f"the reply store holds no call {key[:80]!r}",
                "it was pruned, or made on another machine",
            )
        return self._page(
            request, "call.html.j2", tab="", key=key, request_json=_json(record.request),
            reply_json=_json(record.reply),
        )  # fmt: skip

    def _page(self, request: Request, template: str, **context: Any) -> Response:
        return page(
            request, template, here="Browse", version=self.version, notes=self.notes, **context
        )

    def _weights(self) -> Mapping[str, Row]:
        """Return what the label model knows of each judge, as the stage `pair` has written it."""
        path = self.project.metrics("pair") if self.project and not self.version else None
        if path is None or not path.is_file():
            return {}
        calibration: dict[str, Row] = orjson.loads(path.read_bytes()).get("calibration", {})
        return calibration

    def _comments(self, view: PromptView) -> Mapping[tuple[str, str], str]:
        """Return what reviewers wrote with their answers on this page, by pair and reviewer."""
        wanted = {pair["pair_id"] for pair in view.pairs}
        folder = self.project.reviews if self.project else None
        logs = [AnswerLog(folder, name) for name in reviewers_in(folder)] if folder else []
        return {
            (entry.pair_id, log.reviewer): entry.comment
            for log in logs
            for entry in log.standing
            if entry.comment and entry.pair_id in wanted
        }


def _filters(model: type[F], request: Request) -> F:
    """Return what the address filters by; what is empty is left out."""
    given = {name: value for name, value in request.query_params.items() if value != ""}
    try:
        return model.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(
            f"{first['loc'][0]}={first['input']!r} in the address: {first['msg']}",
            "choose it on the page again",
        ) from error


def _links(request: Request, filters: BaseModel) -> dict[str, str]:
    """Return the addresses of the page before and after, and of this one without its page."""
    base = request.scope["root_path"] + request.scope["path"].removeprefix(
        request.scope["root_path"]
    )
    used = {k: v for k, v in filters.model_dump(exclude_defaults=True).items() if k != "page"}
    number = getattr(filters, "page", 1)
    return {
        "before": f"{base}?{urlencode({**used, 'page': number - 1})}",
        "after": f"{base}?{urlencode({**used, 'page': number + 1})}",
        "bare": base,
    }


def _letter(at: int) -> str:
    """Return A, B, ..., Z, A2, B2, ... for the answers of one prompt."""
    rounds, letter = divmod(at, 26)
    return chr(ord("A") + letter) + (str(rounds + 1) if rounds else "")


def _shown(text: str) -> Any:
    return answer(text) if len(text) <= LONGEST_SHOWN else plain(_cut(text))


def _cut(text: str) -> str:
    more = len(text) - LONGEST_SHOWN
    return text if more <= 0 else f"{text[:LONGEST_SHOWN]}\n... ({more:,} more)"


def _pair(
    pair: Row, letters: Mapping[str, str], responses: Sequence[Row], figures: Mapping[str, Row]
) -> Row:
    """Return a pair with its verdicts by judge, told by the letters of the answers, and what each
    judge adds to a label that rests on judges, by the label model's `figures` of them."""
    chosen = pair["preference"]["chosen_id"] if pair["preference"] else None
    judged: dict[tuple[str, str, str], list[Row]] = {}
    for row in pair["judgments"]:
        key = row["judge"], row["method"], row["principle"] or ""
        judged.setdefault(key, []).append(_verdict(row, chosen, letters))
    verdicts = [
        {"judge": judge, "method": method, "principle": principle, "said": said,
         "steady": len({one["id"] for one in said}) == 1}
        for (judge, method, principle), said in sorted(judged.items())
    ]  # fmt: skip
    names = [letters.get(one, "?") for one in pair["ids"]]
    return {**pair, "verdicts": verdicts, "names": names, **_parts(pair, responses, figures)}


def _parts(pair: Row, responses: Sequence[Row], figures: Mapping[str, Row]) -> Row:
    """Return what each judge adds to the log-odds of the chosen response, and all together."""
    label = pair["preference"]
    if not figures or label is None or label["label_source"] not in version_warrant.KINDS["judges"]:
        return {"parts": {}, "sum_of_parts": None}
    lengths = {row["response_id"]: len(row["text"]) for row in responses}
    direction = 1.0 if label["chosen_id"] == min(pair["ids"]) else -1.0
    found = judge_parts(pair["judgments"], figures, lengths)
    parts = {judge: direction * part for judge, part in found.items()}
    return {"parts": parts, "sum_of_parts": sum(parts.values()) if parts else None}


def _verdict(row: Row, chosen: str | None, letters: Mapping[str, str]) -> Row:
    named = {"first": row["first_id"], "second": row["second_id"]}.get(row["verdict"])
    return {
        **row,
        "id": named or row["verdict"],
        "order": f"{letters.get(row['first_id'], '?')}, {letters.get(row['second_id'], '?')}",
        "named": letters.get(named, "?") if named else row["verdict"],
        "tone": "" if named is None or chosen is None else "with" if named == chosen else "against",
        "keys": keys_of(row["request_key"]),
    }


def _json(document: bytes | str) -> str:
    return orjson.dumps(orjson.loads(document), option=orjson.OPT_INDENT_2).decode()
