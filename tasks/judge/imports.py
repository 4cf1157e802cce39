"""Verdicts that somebody else gave: another judge's or people's table, read as a judge."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prefline.config import ImportedJudge
from prefline.errors import InputError
from prefline.ids import content_id
from prefline.sources import read_rows
from prefline.tables import Rejection
from tasks.judge.ruling import Side

_SIDES: Mapping[str, Side] = {
    "first": "first", "second": "second", "tie": "tie", "invalid": "invalid",
}  # fmt: skip
_COLUMNS = ("first_id", "second_id", "prompt_id", "first_model", "second_model", "first_sample",
            "second_sample", "verdict", "p_first", "rationale")  # fmt: skip
_MIDDLE = 0.5

Ids = tuple[str, str]  # of the responses shown first and second


@dataclass(frozen=True, slots=True)
class Word:
    """One imported verdict, and where in the file it is."""

    verdict: Side
    p_first: float | None
    rationale: str | None
    place: str


@dataclass(frozen=True, slots=True)
class Imported:
    """The verdicts of a table by the ids of the responses, in the order in which they were
    shown; and the rows that name a response which this run does not have."""

    words: Mapping[Ids, Word] = field(default_factory=dict)
    strays: tuple[Rejection, ...] = ()


class _Known:
    """This run's responses, found by id, or by prompt, model and sample."""

    def __init__(self, responses: Iterable[Mapping[str, Any]]) -> None:
        self._by_name = {
            (row["prompt_id"], row["model"], row["sample_index"]): row["response_id"]
            for row in responses
            if row["parent_id"] is None  # a revision has its draft's model and sample
        }
        self._ids = {row["response_id"] for row in responses}

    def find(self, row: Mapping[str, Any], side: str, place: str) -> str | None:
        """The id of the response on a side of a row; None if this run has no such response."""
        if row.get(f"{side}_id") is not None:
            identity = _text(row, f"{side}_id", place)
            return identity if identity in self._ids else None
        prompt, model = _text(row, "prompt_id", place), _text(row, f"{side}_model", place)
        return self._by_name.get((prompt, model, _sample(row, side, place)))


def read_imported(
    judge: ImportedJudge, path: Path, responses: Iterable[Mapping[str, Any]]
) -> Imported:
    """The table of an imported judge; `responses` are this run's rows.

    Raises `InputError` that names file, row, field and remedy.
    """
    unknown = sorted(set(judge.columns) - set(_COLUMNS))
    if unknown:
        raise InputError(
            f"judge {judge.name}: columns names {unknown[0]!r}, which is no column of ours",
            f"ours are {', '.join(_COLUMNS)}",
        )
    known, words, strays = _Known(responses), dict[Ids, Word](), list[Rejection]()
    for place, given in read_rows(path):
        if any(_word_of(given.get(column)) != value for column, value in judge.rows.items()):
            continue
        row = {name: given.get(judge.columns.get(name, name)) for name in _COLUMNS}
        first, second = (known.find(row, side, place) for side in ("first", "second"))
        if first is None or second is None:
            strays.append(_stray(judge, place))
            continue
        word = _word(judge, row, place)
        _check_new(words, (first, second), word)
        words[first, second] = word
    if not words and not strays:
        of = f" whose columns are as `rows` says ({judge.rows})" if judge.rows else ""
        raise InputError(
            f"{path.name} holds no verdict{of}", f"correct path and rows of judge {judge.name}"
        )
    return Imported(words, tuple(strays))


def _word_of(value: Any) -> str:
    """A cell as `rows` names it: whole numbers in a column with gaps come as floats."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def not_offered(judge: ImportedJudge, word: Word) -> Rejection:
    """A verdict on a pair that this run does not judge."""
    detail = f"{word.place}: a verdict on a pair that is not offered for judging"
    return Rejection("judge", "judgment", _identity(judge, word.place), "pair_not_offered", detail)


def _stray(judge: ImportedJudge, place: str) -> Rejection:
    detail = f"{place}: it names a response that is not in the table of responses"
    return Rejection("judge", "judgment", _identity(judge, place), "unknown_response", detail)


def _identity(judge: ImportedJudge, place: str) -> str:
    return content_id("imported", judge.name, place)


def _check_new(words: Mapping[Ids, Word], ids: Ids, word: Word) -> None:
    if ids in words:
        raise InputError(
            f"{word.place}: a second verdict on the pair and order of {words[ids].place}",
            "give each annotator a judge of its own, with `rows: {column: value}` to pick its rows",
        )


def _word(judge: ImportedJudge, row: Mapping[str, Any], place: str) -> Word:
    p_first = _probability(row.get("p_first"), place)
    verdict = row.get("verdict")
    if verdict is None and p_first is None:
        raise InputError(
            f"{place}: neither 'verdict' nor 'p_first' has a value",
            "give one of them, or map a column of the table to it in `columns`",
        )
    if verdict is None:
        verdict = "tie" if p_first == _MIDDLE else "first" if p_first > _MIDDLE else "second"  # type: ignore[operator]
    else:
        verdict = judge.verdicts.get(str(verdict), verdict)
    side = _SIDES.get(str(verdict))
    if side is None:
        raise InputError(
            f"{place}: field 'verdict' is {verdict!r}",
            f"say in `verdicts` which of {', '.join(_SIDES)} it stands for",
        )
    rationale = row.get("rationale")
    return Word(side, p_first, None if rationale is None else str(rationale), place)


def _probability(value: Any, place: str) -> float | None:
    try:
        number = None if value is None else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if number is None or 0 <= number <= 1:
        return number
    raise InputError(
        f"{place}: field 'p_first' is {value!r}", "give a probability from 0 to 1, or nothing"
    )


def _sample(row: Mapping[str, Any], side: str, place: str) -> int:
    value = row.get(f"{side}_sample")
    try:
        number = 0 if value is None else int(value)
        if isinstance(value, float) and number != value:
            raise ValueError("no whole number")
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(
            f"{place}: field '{side}_sample' is {value!r}", "give the sample's index, from 0"
        ) from error
    return number


def _text(row: Mapping[str, Any], field: str, place: str) -> str:
    value = row.get(field)
    if isinstance(value, str) and value:
        return value
    raise InputError(
        f"{place}: field '{field}' is missing or not text",
        "name responses by first_id and second_id, or by prompt_id, first_model and second_model",
    )
