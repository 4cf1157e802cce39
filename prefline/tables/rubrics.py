"""Rubrics: criteria of one prompt with their weights, as a model or people wrote them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from prefline.errors import InputError
from prefline.sources import read_rows
from prefline.tables.by_text import prompt_id_of

_LONGEST = 500  # characters of a criterion
_HEAVIEST = 100
_REMEDY = (
    "each row is {prompt_id, or prompt or messages, and criteria: [{criterion, weight}]}; "
    "data/rubrics has those of the last run in the same form (docs/judging.md)"
)


@dataclass(frozen=True, slots=True)
class Criterion:
    """A statement about an answer that is true or not, and what it weighs."""

    text: str
    weight: float


@dataclass(frozen=True, slots=True)
class Rubric:
    """The criteria of a prompt. `origin` is `model`, `people`, or `general` for the criteria of any
    question, where a model wrote none that could be read; `model` wrote it."""

    criteria: tuple[Criterion, ...]
    origin: Literal["model", "people", "general"]
    model: str | None = None

    def by(self, model: str) -> Rubric:
        """Return the same rubric as one that the model wrote."""
        return replace(self, origin="model", model=model)

    def as_row(self) -> dict[str, Any]:
        """Return its columns of the table `rubrics`."""
        criteria = [{"criterion": one.text, "weight": one.weight} for one in self.criteria]
        return {"criteria": criteria, "origin": self.origin, "model": self.model}


GENERAL = Rubric(
    (
        Criterion("It answers what was asked, in the form that was asked for.", 5),
        Criterion("What it states is true.", 5),
        Criterion("It leaves out nothing that the person needs.", 3),
        Criterion("It says no more than is of use.", 1),
    ),
    "general",
)


def rubric_of(content: Any, least: int, most: int) -> Rubric | None:
    """Return the rubric in a list of {criterion, weight} that a model wrote, its first `most`
    criteria, each once; None if fewer than `least` can be read."""
    criteria: dict[str, Criterion] = {}
    for one in content if isinstance(content, list) else ():
        criterion = _criterion(one)
        if criterion is not None:
            criteria.setdefault(criterion.text, criterion)
    kept = tuple(criteria.values())[:most]
    return Rubric(kept, "model") if len(kept) >= least else None


def read_rubrics(path: Path) -> dict[str, Rubric]:
    """Return the rubrics that people wrote, by prompt. Raises `InputError` that names file, row,
    field and remedy."""
    rubrics: dict[str, Rubric] = {}
    for place, row in read_rows(path):
        prompt_id = row.get("prompt_id") or prompt_id_of(row, place)
        if not isinstance(prompt_id, str):
            raise InputError(f"{place}: field 'prompt_id' is missing", _REMEDY)
        if prompt_id in rubrics:
            raise InputError(f"{place}: a second rubric of prompt {prompt_id}", "keep one of them")
        rubrics[prompt_id] = Rubric(tuple(_criteria(row, place)), "people")
    return rubrics


def rubric_rows(
    rubrics: Mapping[str, Rubric], judge: str, prompts: Iterable[str | None]
) -> list[dict[str, Any]]:
    """Return the rubrics of these prompts as rows of the table `rubrics`."""
    return [
        {"prompt_id": prompt_id, "judge": judge, **rubrics[prompt_id].as_row()}
        for prompt_id in prompts
        if prompt_id is not None and prompt_id in rubrics
    ]


def _criteria(row: Mapping[str, Any], place: str) -> Sequence[Criterion]:
    content = row.get("criteria")
    if not isinstance(content, list) or not content:
        raise InputError(f"{place}: field 'criteria' is no list of criteria", _REMEDY)
    criteria = []
    for number, one in enumerate(content):
        criterion = _criterion(one)
        if criterion is None:
            raise InputError(
                f"{place}: field 'criteria.{number}' is {str(one)[:80]!r}: its 'criterion' is no "
                f"text of 1 to {_LONGEST} characters, or its 'weight' not from 0 to {_HEAVIEST}",
                _REMEDY,
            )
        criteria.append(criterion)
    return criteria


def _criterion(content: Any) -> Criterion | None:
    if not isinstance(content, Mapping):
        return None
    text, weight = content.get("criterion"), content.get("weight", 1)
    if not isinstance(text, str) or not 0 < len(line := " ".join(text.split())) <= _LONGEST:
        return None
    if (
        isinstance(weight, bool)
        or not isinstance(weight, int | float)
        or not 0 < weight <= _HEAVIEST
    ):
        return None
    return Criterion(line, float(weight))
