"""One reviewer's answer on one pair, whatever file it came in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints, ValidationError

from prefline.errors import InputError

TIE = "tie"


def _in_utc(moment: datetime) -> datetime:
    """Moments without a zone are taken for UTC, so that all can be compared."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


Id = Annotated[str, StringConstraints(min_length=1)]
Moment = Annotated[datetime, AfterValidator(_in_utc)]


class Seen(BaseModel):
    """The part of a row that we read; what else it holds is the tool's own."""

    model_config = ConfigDict(extra="ignore", frozen=True)


@dataclass(frozen=True, slots=True)
class Answer:
    """`reviewer` prefers the response `preferred` to `other`, or, where `preferred` is "tie",
    neither; said at the place `place` of a file, in its `fields`, and `when`, if the file tells."""

    pair_id: str
    reviewer: str
    preferred: str
    other: str
    place: str
    when: datetime | None = None
    fields: str = "'preferred_id' and 'other_id'"


@dataclass(frozen=True, slots=True)
class Answers:
    """What was read, in order, and how many answers were skipped by their reviewers."""

    given: tuple[Answer, ...] = ()
    skipped: int = 0


M = TypeVar("M", bound=Seen)


def read_as(model: type[M], row: Mapping[str, Any], place: str, remedy: str) -> M:
    """The row as `model`. Raises `InputError` that names place, field and remedy."""
    try:
        return model.model_validate(row)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        missing = first["type"] == "missing"
        problem = "is missing" if missing else f"{first['msg']}, not {first['input']!r}"
        raise InputError(f"{place}: field '{field}' {problem}", remedy) from error
