"""The whole history of one row, gathered from the tables, the reply store and the release."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import orjson
import pyarrow.compute as pc
import pyarrow.dataset as ds

from prefline.errors import InputError
from prefline.ids import pair_id
from prefline.llm import ReplyStore
from prefline.project import Project
from prefline.tables.calls import keys_of
from prefline.tables.lineage import ancestors, describe_prompt, describe_response, parents

Row = dict[str, Any]


Parts = Callable[[str], list[Path]]
"""The files of a table by its name; none where it is not there."""


def trace_id(project: Project, identity: str) -> dict[str, Any]:
    """Everything that led to the pair, response, judgment or prompt with this id.

    Raises `InputError` if no table holds it.
    """
    found = history_of(project, identity, lambda name: _parts(project.table(name)))
    if not (found["prompt"] or found["rejections"]):
        raise InputError(
            f"no table of {project.root} holds the id {identity!r}",
            "take an id from a column that ends in `id`; for a row of a published version, add "
            "`--in <store>/<dataset>@<version>`",
        )
    return found | {"release": _release(project)}


def history_of(project: Project, identity: str, parts: Parts) -> dict[str, Any]:
    """What tables and the reply store tell of an id; empty where they do not hold it."""
    find = _Finder(parts)
    preferences = find("preferences", "pair_id", [identity])
    rejections = find("rejections", "id", [identity])
    judgments = find("judgments", "judgment_id", [identity])
    responses = find("responses", "response_id", [identity])
    if preferences:
        sides = [preferences[0]["chosen_id"], preferences[0]["rejected_id"]]
    elif judgments:
        sides = [judgments[0]["first_id"], judgments[0]["second_id"]]
    else:
        sides = find.sides_of_pair(identity)
    if sides:
        responses = find("responses", "response_id", sides)
        judgments = judgments or find.between(sides)
    before = ancestors(responses, lambda ids: find("responses", "response_id", ids))
    prompt_ids = {row["prompt_id"] for row in responses} or {identity}
    prompts = find("prompts", "prompt_id", sorted(prompt_ids))[:1]
    return {
        "id": identity,
        "prompt": prompts[0] if prompts else None,
        "parents": parents(prompts, lambda ids: find("prompts", "prompt_id", ids)),
        "ancestors": before,
        "responses": responses,
        "judgments": judgments,
        "preference": preferences[0] if preferences else None,
        "rejections": rejections,
        "calls": _calls(project, [*prompts, *before, *responses, *judgments]),
        "release": None,
    }


class _Finder:
    """Looks rows up by the values of one column; a table that is not there has none."""

    def __init__(self, parts: Parts) -> None:
        self._of = parts

    def __call__(self, table: str, column: str, values: list[str]) -> list[Row]:
        return self._rows(table, lambda: pc.field(column).isin(values))

    def between(self, sides: list[str]) -> list[Row]:
        """The judgments of two responses, in both orders."""
        inside = lambda: pc.field("first_id").isin(sides) & pc.field("second_id").isin(sides)  # noqa: E731
        return self._rows("judgments", inside)

    def sides_of_pair(self, pair: str) -> list[str]:
        """The two responses of a pair that is no preference, found through the queue's id."""
        for row in self._rows("judgments", lambda: None):
            sides = sorted((row["first_id"], row["second_id"]))
            if pair_id(*sides) == pair:
                return sides
        return []

    def _rows(self, table: str, condition: Callable[[], Any]) -> list[Row]:
        parts = [str(path) for path in self._of(table)]
        if not parts:
            return []
        return ds.dataset(parts, format="parquet").to_table(filter=condition()).to_pylist()


def _parts(folder: Path) -> list[Path]:
    return sorted(folder.glob("part-*.parquet"))


def _calls(project: Project, rows: Iterable[Row]) -> list[dict[str, Any]]:
    """The request and the raw reply of every call behind `rows`."""
    keys = dict.fromkeys(key for row in rows for key in keys_of(row.get("request_key")))
    if not keys:
        return []
    calls = []
    with ReplyStore(project.replies, read_only=True) as store:
        for key in keys:
            record = store.record(key)
            if record is not None:
                request, reply = orjson.loads(record.request), orjson.loads(record.reply)
                calls.append({"request_key": key, "request": request, "reply": reply})
    return calls


def _release(project: Project) -> dict[str, Any] | None:
    path: Path = project.release
    release: dict[str, Any] | None = orjson.loads(path.read_bytes()) if path.is_file() else None
    return release


def describe(history: dict[str, Any]) -> str:
    """A history as text for a person."""
    lines = [f"id        {history['id']}"]
    texts = {call["request_key"]: _text_of(call["reply"]) for call in history["calls"]}
    if history["prompt"]:
        lines += describe_prompt(history["prompt"], history["parents"], texts)
    for row in [*history["ancestors"], *history["responses"]]:
        lines += describe_response(row, texts)
    for row in history["judgments"]:
        p = "" if row["p_first"] is None else f", p_first {row['p_first']:.3f}"
        lines.append(
            f"judgment  {row['judge']} ({row['method']}): {row['first_id']} first, "
            f"{row['second_id']} second -> {row['verdict']}{p}"
        )
        if row["rationale"]:
            lines.append(f"          {row['rationale']}")
    lines += _label(history)
    lines += [
        f"call      {call['request_key']}: {orjson.dumps(call['reply']).decode()[:300]}"
        for call in history["calls"]
    ]
    return "\n".join(lines)


def _text_of(reply: dict[str, Any]) -> str:
    """What a stored chat completion says."""
    message = reply["choices"][0]["message"]
    return str(message.get("content") or message.get("refusal") or "")


def _label(history: dict[str, Any]) -> list[str]:
    lines = []
    if history["preference"]:
        row = history["preference"]
        lines.append(
            f"label     {row['chosen_id']} over {row['rejected_id']}, p {row['p_chosen']:.3f}, "
            f"by {row['label_source']} ({row['judges']}), split {row['split']}"
        )
    lines += [
        f"rejected  by {row['stage']}: {row['reason']} ({row['detail']})"
        for row in history["rejections"]
    ]
    if history["release"]:
        release = history["release"]
        lines.append(f"version   {release['dataset']}@{release['version']} in {release['store']}")
    return lines
