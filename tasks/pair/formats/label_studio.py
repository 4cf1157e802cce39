"""Label Studio: its tasks and labelling interface, and its JSON export.

The interface is that of its template for pairwise comparison with a choice for ties. A pairwise
result says `left` or `right`, which are answers A and B.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from prefline.errors import InputError
from tasks.pair.formats.plain import TIE, Answer, Answers, ExportedRow, Id, Moment, parse_as

CONFIG = """\
<View>
  <Text name="prompt" value="$prompt" valueType="text"/>
  <Header value="Which answer is better? Click it; or say that both are equally good."/>
  <Pairwise name="better" toName="response_a,response_b"/>
  <View style="display: grid; grid-template-columns: 1fr 1fr; gap: 1em">
    <View>
      <Header value="Answer A" size="5"/>
      <Text name="response_a" value="$response_a" valueType="text"/>
    </View>
    <View>
      <Header value="Answer B" size="5"/>
      <Text name="response_b" value="$response_b" valueType="text"/>
    </View>
  </View>
  <Choices name="tie" toName="prompt" choice="single" showInline="true">
    <Choice value="Both equally good" alias="tie"/>
  </Choices>
</View>
"""

_REMEDY = "export the project as JSON (not JSON-MIN), made with data/review/label_studio.xml"
# What a result may say. "Both equally good" where an export gives a choice by what it shows.
_SIDES = {"left": "a", "right": "b", "tie": TIE, "Both equally good": TIE}
_IDS = "'data.response_a_id' and 'data.response_b_id'"
_COMMENT = "textarea"  # says nothing of which is better


class _Data(ExportedRow):
    pair_id: Id
    response_a_id: Id
    response_b_id: Id


class _User(ExportedRow):
    id: int


class _Result(ExportedRow):
    type: str
    value: dict[str, Any]


class _Annotation(ExportedRow):
    completed_by: int | _User
    was_cancelled: bool | None = None
    result: tuple[_Result, ...]
    updated_at: Moment | None = None
    created_at: Moment | None = None

    @property
    def reviewer(self) -> str:
        """By number: an address does not belong into figures."""
        user = self.completed_by
        return f"label_studio:{user if isinstance(user, int) else user.id}"


class _Task(ExportedRow):
    data: _Data
    annotations: tuple[_Annotation, ...]


def task(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row of the queue as a task to import."""
    return {"data": {**row, "prompt": _conversation(row["prompt"])}}


def _conversation(messages: list[Mapping[str, str]]) -> str:
    """Return the messages as one text; a single one without its role."""
    if len(messages) == 1:
        return messages[0]["content"]
    return "\n\n".join(f"{message['role']}: {message['content']}" for message in messages)


def matches(row: Mapping[str, Any]) -> bool:
    """Tell whether the row is a task of an export."""
    return "annotations" in row and "data" in row


def parse(row: Mapping[str, Any], place: str) -> Answers:
    """Return the answers on a task, by annotation; an empty or cancelled one is skipped.

    Raises `InputError` for what the labelling interface cannot have given.
    """
    task, answers, skipped = parse_as(_Task, row, place, _REMEDY), [], 0
    for number, annotation in enumerate(task.annotations):
        side = None if annotation.was_cancelled else _side(annotation, number, place)
        if side is None:
            skipped += 1
        else:
            answers.append(_answer(task.data, annotation, side, place))
    return Answers(tuple(answers), skipped)


def _side(annotation: _Annotation, number: int, place: str) -> str | None:
    """Return "a", "b", "tie", or None where nothing was chosen."""
    sides = set()
    for at, result in enumerate(annotation.result):
        if result.type == _COMMENT:
            continue
        field = f"annotations.{number}.result.{at}"
        selected = _selected(result)
        if not isinstance(selected, str) or selected not in _SIDES:
            raise InputError(
                f"{place}: field '{field}' is {result.type} {result.value!r}, which is no answer",
                _REMEDY,
            )
        sides.add(_SIDES[selected])
    if len(sides) > 1:
        raise InputError(
            f"{place}: field 'annotations.{number}.result' says {' and '.join(sorted(sides))}",
            "an answer is better or both are equally good, not both: mend the annotation of "
            f"{annotation.reviewer} in Label Studio and export again",
        )
    return sides.pop() if sides else None


def _selected(result: _Result) -> Any:
    if result.type == "pairwise":
        return result.value.get("selected")
    choices = result.value.get("choices") if result.type == "choices" else None
    return choices[0] if isinstance(choices, list) and len(choices) == 1 else None


def _answer(data: _Data, annotation: _Annotation, side: str, place: str) -> Answer:
    a, b = data.response_a_id, data.response_b_id
    preferred, other = {"a": (a, b), "b": (b, a), TIE: (TIE, a)}[side]
    when = annotation.updated_at or annotation.created_at
    return Answer(data.pair_id, annotation.reviewer, preferred, other, place, when, _IDS)
