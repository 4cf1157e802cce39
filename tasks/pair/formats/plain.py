"""Reviewers' answers, whatever file they came in, and our own format of them, one a row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints, ValidationError

from prefline.errors import InputError

TIE = "tie"
_REMEDY = (
    "each answer is {pair_id, reviewer, preferred_id, other_id}, all text, with preferred_id "
    '"tie" where neither is better, and if you like answered_at, a time in ISO 8601'
)


def _in_utc(moment: datetime) -> datetime:
    """Take a moment without a zone for UTC, so that all can be compared."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


Id = Annotated[str, StringConstraints(min_length=1)]
Moment = Annotated[datetime, AfterValidator(_in_utc)]


class ExportedRow(BaseModel):
    """The part of an exported row that is read; what else it holds is the tool's own."""

    model_config = ConfigDict(extra="ignore", frozen=True)


@dataclass(frozen=True, slots=True)
class Answer:
    """`reviewer` prefers the response `preferred` to `other`, or neither if `preferred` is "tie".

    Said at the place `place` of a file, in its `fields`, and at `when`, if the file tells.
    """

    pair_id: str
    reviewer: str
    preferred: str
    other: str
    place: str
    when: datetime | None = None
    fields: str = "'preferred_id' and 'other_id'"


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers that were read, in order, and how many were skipped by their reviewers.

    `repeats` are answers on pairs that a reviewer had answered before: they measure the reviewer,
    and replace nothing.
    """

    given: tuple[Answer, ...] = ()
    skipped: int = 0
    repeats: tuple[Answer, ...] = ()


M = TypeVar("M", bound=ExportedRow)


def parse_as(model: type[M], row: Mapping[str, Any], place: str, remedy: str) -> M:
    """Return the row as `model`. Raises `InputError` that names place, field and remedy."""
    try:
        return model.model_validate(row)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        missing = first["type"] == "missing"
        problem = "is missing" if missing else f"{first['msg']}, not {first['input']!r}"
        raise InputError(f"{place}: field '{field}' {problem}", remedy) from error


class _Row(ExportedRow):
    pair_id: Id
    reviewer: Id
    preferred_id: Id | None
    other_id: Id
    answered_at: Moment | None = None
    repeat: bool = False
    undo: bool = False


def matches(row: Mapping[str, Any]) -> bool:
    """Tell whether the row is of our own format."""
    return "reviewer" in row or "preferred_id" in row


def parse(row: Mapping[str, Any], place: str) -> Answers:
    """Return the row's answer; `preferred_id` null is a skipped one. Raises `InputError`.

    A row that takes another back is to be resolved before, with the rows of its file
    (`without_undone`).
    """
    parsed = parse_as(_Row, row, place, _REMEDY)
    if parsed.preferred_id is None:
        return Answers(skipped=1)
    answer = Answer(
        parsed.pair_id,
        parsed.reviewer,
        parsed.preferred_id,
        parsed.other_id,
        place,
        parsed.answered_at,
    )
    return Answers(repeats=(answer,)) if parsed.repeat else Answers((answer,))


Rows = Iterable[tuple[str, Mapping[str, Any]]]


def without_undone(rows: Rows) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the rows of a file, with their places, that stand.

    A row with `"undo": true` takes back what the same reviewer last said of the same pair in that
    file, on its first or its second showing, and is dropped with it. Raises `InputError`.
    """
    standing: dict[int, tuple[str, Mapping[str, Any]]] = {}
    latest: dict[tuple[Any, ...], list[int]] = {}
    for at, (place, row) in enumerate(rows):
        if not matches(row):
            standing[at] = place, row
            continue
        parsed = parse_as(_Row, row, place, _REMEDY)
        said = latest.setdefault((parsed.pair_id, parsed.reviewer, parsed.repeat), [])
        if not parsed.undo:
            said.append(at)
            standing[at] = place, row
        elif said:
            del standing[said.pop()]
        else:
            raise InputError(
                f"{place}: field 'undo' takes back what {parsed.reviewer} said of pair "
                f"{parsed.pair_id}, but no row above says anything",
                "remove the row, or put back the one that it takes back",
            )
    return list(standing.values())
