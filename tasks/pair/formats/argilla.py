"""Argilla 2: its records and settings, and its exports, nested and flat."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from prefline.errors import InputError
from tasks.pair.formats.plain import TIE, Answer, Answers, ExportedRow, Id, parse_as

QUESTION = "preference"
_RESPONSES = f"{QUESTION}.responses"
_GUIDELINES = """\
Which answer to the question is better: more correct, more helpful, closer to what was asked? \
Length and order do not matter. Say that both are equally good only if you cannot tell them apart. \
Discard the record if you cannot judge it."""
_OPTIONS = {"a": "Answer A is better", "b": "Answer B is better", TIE: "Both are equally good"}
_HIDDEN = ("response_a_id", "response_b_id")
_IDS = "'response_a_id' and 'response_b_id' of its metadata"
_REMEDY = (
    "export dataset.records.to_list(flatten=True) or dataset.records.to_json(path) of a dataset "
    "made with data/review/argilla_settings.json"
)


class _Metadata(ExportedRow):
    response_a_id: Id
    response_b_id: Id


class _Response(ExportedRow):
    value: Literal["a", "b", "tie"] | None = None
    user_id: Id
    status: Literal["submitted", "draft", "discarded"] | None = None


class _Record(ExportedRow):
    id: Id
    metadata: _Metadata
    responses: dict[str, tuple[_Response, ...]]


def record(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row of the queue as a record for `dataset.records.log`."""
    return {"id": row["pair_id"], **{name: row[name] for name in row if name != "pair_id"}}


def settings(reviewers_per_pair: int) -> dict[str, Any]:
    """Return what `argilla.Settings.from_json` reads.

    Three fields, one question, and ids that reviewers do not see.
    """
    options = [{"value": value, "text": text} for value, text in _OPTIONS.items()]
    return {
        "guidelines": _GUIDELINES,
        "fields": [
            _field("prompt", "Question", "chat"),
            _field("response_a", "Answer A", "text"),
            _field("response_b", "Answer B", "text"),
        ],
        "questions": [
            {
                "name": QUESTION, "title": "Which answer is better?", "required": True,
                "settings": {"type": "label_selection", "options": options},
            }
        ],
        "metadata": [
            {
                "name": name, "title": name, "visible_for_annotators": False,
                "settings": {"type": "terms"},
            }
            for name in _HIDDEN
        ],
        "vectors": [],
        "allow_extra_metadata": False,
        "distribution": {"strategy": "overlap", "min_submitted": reviewers_per_pair},
    }  # fmt: skip


def _field(name: str, title: str, kind: str) -> dict[str, Any]:
    shown = {"type": kind, "use_markdown": False}
    return {"name": name, "title": title, "required": True, "settings": shown}


def matches(row: Mapping[str, Any]) -> bool:
    """Tell whether the row is a record of an export, nested or flat.

    One without any answer has at least its server's id.
    """
    return "responses" in row or _RESPONSES in row or "_server_id" in row


def parse(row: Mapping[str, Any], place: str) -> Answers:
    """Return the answers on a record, one for each user who has submitted one.

    An export that gives no status has only submitted ones, as far as it tells. Raises
    `InputError`.
    """
    record = parse_as(_Record, row if "responses" in row else _nested(row, place), place, _REMEDY)
    if record.responses and QUESTION not in record.responses:
        raise InputError(f"{place}: field 'responses' has no '{QUESTION}'", _REMEDY)
    responses = record.responses.get(QUESTION, ())
    submitted = [r for r in responses if r.value and r.status in (None, "submitted")]
    answers = tuple(_answer(record, response, place) for response in submitted)
    return Answers(answers, len(responses) - len(submitted))


def _nested(row: Mapping[str, Any], place: str) -> dict[str, Any]:
    """Return a flat record as a nested one.

    One on which nobody has answered has nulls or no lists.
    """
    columns = (_RESPONSES, f"{_RESPONSES}.users", f"{_RESPONSES}.status")
    for column in columns:
        if not isinstance(row.get(column) or [], list):
            raise InputError(f"{place}: field '{column}' is no list", _REMEDY)
    if "id" not in row:
        raise InputError(f"{place}: field 'id' is missing", _REMEDY)
    lists = [row.get(key) or [] for key in columns[:2]]
    statuses = row.get(columns[2]) or [None] * len(lists[0])
    if len({len(lists[0]), len(lists[1]), len(statuses)}) > 1:
        raise InputError(
            f"{place}: field '{_RESPONSES}' and its users and status differ in length", _REMEDY
        )
    responses = [
        {"value": value, "user_id": user, "status": status}
        for value, user, status in zip(*lists, statuses, strict=True)
    ]
    metadata = {name: row[name] for name in _HIDDEN if name in row}
    answered = {QUESTION: responses} if responses else {}
    return {"id": row["id"], "metadata": metadata, "responses": answered}


def _answer(record: _Record, response: _Response, place: str) -> Answer:
    a, b = record.metadata.response_a_id, record.metadata.response_b_id
    preferred, other = {"a": (a, b), "b": (b, a), TIE: (TIE, a)}[response.value or TIE]
    reviewer = f"argilla:{response.user_id}"
    return Answer(record.id, reviewer, preferred, other, place, fields=_IDS)
