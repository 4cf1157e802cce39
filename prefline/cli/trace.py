"""The whole history of one row, gathered from the tables, the reply store and the release."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from prefline.errors import InputError, ProjectNotFound
from prefline.ids import pair_id
from prefline.llm import ReplyStore
from prefline.llm.completion import read_completion
from prefline.project import Project, find_project
from prefline.releases import Location, Manifest, locate, read_manifest
from prefline.releases.dvc_cache import PastTables
from prefline.releases.manifest import commit_words
from prefline.releases.transfer import verified_path
from prefline.tables.calls import keys_of
from prefline.tables.lineage import ancestors, describe_prompt, describe_response, parents
from prefline.tables.parts import open_parquet, unreadable
from prefline.tables.unpacking import bounded_batches

Row = dict[str, Any]


Parts = Callable[[str], list[Path]]
"""The files of a table by its name; none where it is not there."""


_TABLES = ("prompts", "responses", "judgments", "answers", "preferences", "rejections")
_NEWER = ("answers",)  # that versions of before have none of
_ID_COLUMNS = ("pair_id", "prompt_id", "chosen_id", "rejected_id")
_OF_LINEAGE = (
    "git_commit",
    "git_dirty",
    "git_unknown",
    "models",
    "judges",
    "calls",
    "packages",
    "meaning",
)
_MOST_ROWS = 20
_ROWS_AT_ONCE = 20_000


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
    """Return what tables and the reply store tell of an id; empty where they do not hold it."""
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
        sides = sides or find.sides_by_people(identity)
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
        "answers": find("answers", "pair_id", [pair_id(*sorted(sides))]) if sides else [],
        "preference": preferences[0] if preferences else None,
        "rejections": rejections,
        "calls": _calls(project, [*prompts, *before, *responses, *judgments]),
        "release": None,
    }


class _Finder:
    """Looks rows up by the values of columns; a table that is not there has none.

    The tables may be of a foreign store: first only the columns that tell whether a row is wanted
    are read, then the row groups that hold such rows, each within bounds.
    """

    def __init__(self, parts: Parts) -> None:
        self._of = parts

    def __call__(self, table: str, column: str, values: list[str]) -> list[Row]:
        return self._rows(table, (column,), values)

    def between(self, sides: list[str]) -> list[Row]:
        """Return the judgments of two responses, in both orders."""
        return self._rows("judgments", ("first_id", "second_id"), sides)

    def sides_of_pair(self, pair: str) -> list[str]:
        """Return the two responses of a pair that is no preference, found by the queue's id."""
        for part in self._of("judgments"):
            with _opened(part) as file:
                for _, batch in _batches(part, file, ("first_id", "second_id")):
                    sides = (column.to_pylist() for column in batch.columns)
                    for first, second in zip(*sides, strict=True):
                        if pair_id(*sorted((first, second))) == pair:
                            return sorted((first, second))
        return []

    def sides_by_people(self, pair: str) -> list[str]:
        """Return the two responses of a pair that people alone looked at."""
        answered = self("answers", "pair_id", [pair])
        if not answered:
            return []
        rows = self("responses", "prompt_id", [answered[0]["prompt_id"]])
        siblings = [row["response_id"] for row in rows]
        return next(
            (
                list(two)
                for two in itertools.combinations(sorted(siblings), 2)
                if pair_id(*two) == pair
            ),
            [],
        )

    def _rows(self, table: str, columns: Sequence[str], values: list[str]) -> list[Row]:
        """Return the rows that have one of the values in each of some columns."""
        parts = self._of(table)
        return [row for part in parts for row in _rows_with(part, columns, values, pc.and_)]


def _rows_with(
    part: Path, columns: Sequence[str], values: list[str], combine: Callable[..., Any]
) -> Iterator[Row]:
    """Yield the rows of a file that have one of the values in some columns: `pc.and_` for all of
    them, `pc.or_` for any."""
    wanted = pa.array(values, pa.string())
    with _opened(part) as file:
        found: dict[int, list[bool | None]] = {}
        for group, batch in _batches(part, file, columns):
            masks = [pc.is_in(column.cast(pa.string()), wanted) for column in batch.columns]
            found.setdefault(group, []).extend(functools.reduce(combine, masks).to_pylist())
        for group, mask in found.items():
            if not any(mask):
                continue
            at = 0
            for _, batch in _batches(part, file, file.schema_arrow.names, (group,)):
                inside = pa.array(mask[at : at + len(batch)], pa.bool_())
                yield from batch.filter(inside).to_pylist()
                at += len(batch)


@contextmanager
def _opened(part: Path) -> Iterator[pq.ParquetFile]:
    """Open a part of a table. Raises `TableError` where it cannot be read."""
    try:
        with open_parquet(part) as file:
            yield file
    except (pa.ArrowException, KeyError) as error:
        raise unreadable(part, error) from error


def _batches(
    part: Path, file: pq.ParquetFile, columns: Sequence[str], groups: Sequence[int] | None = None
) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Yield batches of some columns, in this order, each with the number of its row group."""
    for group in range(file.num_row_groups) if groups is None else groups:
        for batch in bounded_batches(str(part), file, columns, _ROWS_AT_ONCE, (group,)):
            yield group, batch.select(list(columns))


def _parts(folder: Path) -> list[Path]:
    return sorted(folder.glob("part-*.parquet"))


def _calls(project: Project, rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Return the request and the raw reply of every call behind `rows`."""
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
    """Return a history as text for a person."""
    lines = [f"id        {history['id']}"]
    texts = {call["request_key"]: _text_of(call["reply"]) for call in history["calls"]}
    if history["prompt"]:
        lines += describe_prompt(history["prompt"], history["parents"], texts)
    for row in [*history["ancestors"], *history["responses"]]:
        lines += describe_response(row, texts)
    for row in history["judgments"]:
        p = "" if row["p_first"] is None else f", p_first {row['p_first']:.3f}"
        why = f" ({row['invalid_reason']})" if row.get("invalid_reason") else ""
        lines.append(
            f"judgment  {row['judge']} ({row['method']}): {row['first_id']} first, "
            f"{row['second_id']} second -> {row['verdict']}{why}{p}"
        )
        if row["rationale"]:
            lines.append(f"          {row['rationale']}")
    for row in history["answers"]:
        preferred = row["preferred_id"] or "neither"
        lines.append(
            f"review    {row['reviewer']}: {preferred} is better ({row['place']}); taken to be "
            f"right in {row['accuracy']:.0%} of answers"
        )
    lines += _label(history)
    lines += [
        f"call      {call['request_key']}: {orjson.dumps(call['reply']).decode()[:300]}"
        for call in history["calls"]
    ]
    return "\n".join(lines)


def _text_of(reply: dict[str, Any]) -> str:
    """Return what a stored reply says, whosoever's API it came from; nothing for an embedding."""
    completion = None if "data" in reply else read_completion(reply)
    return "" if completion is None else completion.text


def _labellers(row: Row) -> str:
    """Return who decided a preference: people with their agreement, or the judges behind it."""
    if not row.get("reviewers"):
        return f"{row['label_source']} ({row['judges']})"
    return (
        f"{row['label_source']} ({', '.join(row['reviewers'])}; {row['review_agreement']:.0%} of "
        f"{row['n_reviews']} answers say so)"
    )


def _label(history: dict[str, Any]) -> list[str]:
    lines = []
    if history["preference"]:
        row = history["preference"]
        lines.append(
            f"label     {row['chosen_id']} over {row['rejected_id']}, p {row['p_chosen']:.3f}, "
            f"by {_labellers(row)}, split {row['split']}"
        )
    lines += [
        f"rejected  by {row['stage']}: {row['reason']} ({row['detail']})"
        for row in history["rejections"]
    ]
    if history["release"]:
        release = history["release"]
        lines.append(f"version   {release['dataset']}@{release['version']} in {release['store']}")
    return lines


def trace_in(uri: str, identity: str, project: Project | None = None) -> dict[str, Any]:
    """Return the rows of the version `uri` (`<store>/<dataset>@<V>`) that have this id, the
    version's lineage, and what led to them in the tables as they were when it was made.

    The tables are looked for in the project (by default that of the working directory); what is
    not there is told in `missing`, with what to do. Raises `VersionNotFound`, `VersionCorrupt`,
    and `InputError` if neither the version nor any table holds the id.
    """
    at = locate(uri)
    manifest = read_manifest(at)
    rows = _published(at, manifest, identity)
    project = project or _project_here()
    tables = PastTables(project, manifest, _TABLES, optional=_NEWER)
    history = history_of(project, identity, tables.parts) if project else {}
    if not rows and not (history.get("prompt") or history.get("rejections")):
        raise InputError(
            f"neither {uri} nor the tables that it was made of hold the id {identity!r}",
            "take an id from a column that ends in `id`" + "".join(
                f"\n  {one}" for one in tables.missing
            ),
        )  # fmt: skip
    return {
        "id": identity,
        "version": f"{at.uri}@{manifest.version}",
        "created_at": manifest.created_at,
        "validation": manifest.validation,
        "forced": manifest.forced,
        "lineage": {name: manifest.lineage.get(name) for name in _OF_LINEAGE},
        "rows": rows,
        "history": history,
        "missing": tables.missing,
    }


def _published(at: Location, manifest: Manifest, identity: str) -> list[dict[str, Any]]:
    parts = (verified_path(at, one) for one in manifest.of("preference"))
    rows = (row for part in parts for row in _rows_with(part, _ID_COLUMNS, [identity], pc.or_))
    return list(itertools.islice(rows, _MOST_ROWS))


def _project_here() -> Project | None:
    try:
        return find_project()
    except ProjectNotFound:
        return None


def describe_in(found: dict[str, Any]) -> str:
    """Return what was found, as text for a person."""
    lineage = found["lineage"]
    lines = [
        f"version   {found['version']}, created {found['created_at']}, {commit_words(lineage)}",
        f"          responses by {_listed(lineage['models'])}",
        f"          judged by {_listed(lineage['judges'])}",
    ]
    if found["forced"]:
        lines.append(f"          not validated, forced: {found['forced']['reason']}")
    for row in found["rows"]:
        lines += _row_lines(row)
    if not found["rows"]:
        lines.append("row       none in this version: rejected, or in no pair")
    if found["history"]:
        lines.append(describe(found["history"]))
    return "\n".join([*lines, *(f"missing   {one}" for one in found["missing"])])


def _listed(names: list[str] | None) -> str:
    return ", ".join(names or ["nobody known"])


def _row_lines(row: dict[str, Any]) -> list[str]:
    said: Callable[[str], str] = lambda side: repr(row[side][-1]["content"])  # noqa: E731
    return [
        f"row       {row['pair_id']}, p {row['p_chosen']:.3f}, split {row['split']}, "
        f"{_labellers(row)}",
        f"          chosen   {row['chosen_id']} by {row['chosen_model']}: {said('chosen')}",
        f"          rejected {row['rejected_id']} by {row['rejected_model']}: {said('rejected')}",
    ]
