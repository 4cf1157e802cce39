"""Responses that were made elsewhere: tables of them as rows of ours."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prefline.config import GenerateParams, ImportedResponses
from prefline.config.generate import IMPORTED_COLUMNS
from prefline.errors import InputError
from prefline.ids import content_id
from prefline.llm.completion import normalise_finish_reason, split_reasoning
from prefline.sources import read_rows, watched_file
from prefline.sources.judged_sets import UnusableRow, read_judged
from prefline.tables import Rejection
from prefline.tables.messages import Message, is_single_text, message_to_row, text_of
from prefline.tables.prompts import Prompt, prompt_from_row
from prefline.tables.turns import read_answer
from tasks.generate.candidates import IMPORTED, response_id

FOLDER = "data/imported/responses"

Row = dict[str, Any]
Key = tuple[str, str, int]  # prompt, model, sample

_MAX_INDEX, _MAX_COUNT = 2**31 - 1, 2**63 - 1
_TOKEN_COLUMNS = ("input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens")


@dataclass(frozen=True, slots=True)
class Imported:
    """Rows of `responses` in the order of prompts, models and samples, whatever the order of
    the tables' rows; and the rejections of the others."""

    rows: list[Row]
    rejections: list[Rejection]


def read_imports(prompts: Sequence[Prompt], params: GenerateParams, root: Path) -> Imported:
    """Return all imported responses to the prompts of this run.

    Raises `InputError` that names file, row, field and remedy; for a file outside of
    data/imported/responses, and for two different responses of one prompt, model and sample, too.
    """
    order = {prompt.prompt_id: position for position, prompt in enumerate(prompts)}
    collector = _Collector(order, params)
    for table in params.imported:
        path = watched_file(root, table.path, FOLDER, or_set=table.layout is not None)
        rows = _rename_columns(table, path)
        for place, row in rows if table.layout is None else _answers(table, path, collector):
            collector.add(table, place, row)
    return collector.imported()


def _answers(
    table: ImportedResponses, path: Path, collector: _Collector
) -> Iterator[tuple[str, Row]]:
    """Return the answers of a public set, each as a row of ours. Several of one model to one prompt
    are its samples, in their order; one that nobody is named for has the set's name for its model.
    A row that is no pair becomes a rejection of `collector`."""
    assert table.layout is not None
    samples: dict[tuple[Any, str], dict[str, int]] = {}
    for place, judged in read_judged(table.layout, read_rows(path)):
        if isinstance(judged, UnusableRow):
            collector.reject(table, place, judged.reason, f"{place}: {judged.detail}")
            continue
        prompt = content_id("prompt", judged.messages)
        for number, answer in enumerate(judged.answers, 1):
            model = table.model or answer.model or table.layout
            known = samples.setdefault((prompt, model), {})
            index = known.setdefault(answer.text, len(known))
            yield (
                f"{place}, answer {number}",
                {
                    "messages": list(judged.messages),
                    "model": model,
                    "text": answer.text,
                    "sample_index": index,
                },
            )


def _rename_columns(table: ImportedResponses, path: Path) -> Iterator[tuple[str, Row]]:
    """Return the rows by our names of columns."""
    text, turns = (table.columns.get(name, name) for name in ("text", "turns"))
    known = set[str]()
    for place, cells in read_rows(path):
        if text not in cells and turns not in cells:
            raise InputError(
                f"{place}: field '{text}' is missing",
                "say in `columns` which column holds the response: {text: theirs}, or {turns: "
                "theirs} for one of several turns",
            )
        known.update(cells)
        row = {name: cells.get(table.columns.get(name, name)) for name in IMPORTED_COLUMNS}
        yield place, row | ({"model": table.model} if table.model else {})
    for ours, theirs in table.columns.items():
        if known and theirs not in known:
            raise InputError(
                f"{path.name}: no row has a field '{theirs}', which `columns` names for '{ours}'",
                f"correct it; the table has {', '.join(sorted(known))}",
            )


@dataclass(slots=True)
class _Collector:
    """Collects the rows that are responses of this run. `order` is the position of each prompt."""

    order: Mapping[str, int]
    params: GenerateParams
    rows: dict[Key, tuple[str, Row]] = field(default_factory=dict)
    rejections: list[Rejection] = field(default_factory=list)

    def add(self, table: ImportedResponses, place: str, row: Mapping[str, Any]) -> None:
        """Keep a row, or reject it."""
        values = parse_row(row, place)
        key = (values["prompt_id"], values["model"], values["sample_index"])
        fault = self._fault(key, values, place)
        if fault is None:
            self.rows[key] = place, values
        else:
            self.reject(table, place, *fault)

    def reject(self, table: ImportedResponses, place: str, reason: str, detail: str) -> None:
        """Note a row that is no response of this run."""
        identity = content_id(IMPORTED, table.path, place)
        self.rejections.append(Rejection("generate", "response", identity, reason, detail))

    def _fault(self, key: Key, values: Row, place: str) -> tuple[str, str] | None:
        """Return reason and detail for a row that is no response of this run."""
        if key[0] not in self.order:
            return "unknown_prompt", f"{place}: its prompt is not among the sampled ones"
        if not values["text"]:
            return "empty", f"{place}: it has no text"
        if (turns := values.get("turns")) and turns[-1]["role"] == "tool":
            return "unfinished", f"{place}: its last turn is a tool's, not the assistant's"
        self._check_not_own(key, place)
        if key not in self.rows:
            return None
        other_place, other_values = self.rows[key]
        if values == other_values:
            return "duplicate", f"{place}: the same as {other_place}"
        raise InputError(
            f"{place}: another response of the prompt, model and sample of {other_place}",
            "number a model's responses to one prompt in 'sample_index', or keep one of them",
        )

    def _check_not_own(self, key: Key, place: str) -> None:
        is_project_server = any(endpoint.model == key[1] for endpoint in self.params.endpoints)
        if is_project_server and key[2] < self.params.samples_per_prompt:
            raise InputError(
                f"{place}: sample {key[2]} of {key[1]} is one that this run makes itself",
                f"give 'sample_index' from {self.params.samples_per_prompt} on, or another 'model'",
            )

    def imported(self) -> Imported:
        """Return all that was kept, in order, as rows."""
        ordered = sorted(self.rows, key=lambda key: (self.order[key[0]], *key[1:]))
        return Imported([_response_row(self.rows[key][1]) for key in ordered], self.rejections)


def _response_row(values: Row) -> Row:
    prompt_id, model, index = (values[name] for name in ("prompt_id", "model", "sample_index"))
    identity = response_id(prompt_id, model, index, IMPORTED, values["text"], values.get("turns"))
    return {"response_id": identity, "origin": IMPORTED, **values}


def parse_row(row: Mapping[str, Any], place: str) -> dict[str, Any]:
    """Return a row's values by our columns: prompt's id, model, text or turns, sample, finish
    reason, tokens, cost.

    Raises `InputError` that names file, row, field and remedy.
    """
    index = _whole_number(row, "sample_index", place, _MAX_INDEX)
    answer = _answer(row, place)
    text, thought = split_reasoning(answer if isinstance(answer, str) else text_of(answer))
    reasoning = _optional_text(row, "reasoning", place)
    turns = {} if isinstance(answer, str) else {"turns": [message_to_row(one) for one in answer]}
    return {
        "prompt_id": _prompt_id(row, place),
        "model": _required_text(row, "model", place, "name it in `model` or map a column to it"),
        "sample_index": 0 if index is None else index,
        "text": text.strip(),
        **turns,
        "reasoning": "\n\n".join(filter(None, [reasoning, thought])) or None,
        "finish_reason": normalise_finish_reason(
            _optional_text(row, "finish_reason", place) or None
        ),
        **{name: _whole_number(row, name, place, _MAX_COUNT) for name in _TOKEN_COLUMNS},
        "cost_usd": _cost(row, place),
    }


def _answer(row: Mapping[str, Any], place: str) -> str | tuple[Message, ...]:
    """Return the text of a row, or its turns; those of one turn without calls are its text."""
    turns: Any = row.get("turns")
    if not _is_present(turns) or turns in ("", []):
        return _optional_text(row, "text", place) or ""
    answer = read_answer(turns, place, "turns")
    return answer[0]["content"] if is_single_text(answer) else answer


def _prompt_id(row: Mapping[str, Any], place: str) -> str:
    """Return the id of the prompt itself, where the row has it; a table made elsewhere may have ids
    of its own."""
    prompt = {name: row[name] for name in ("messages", "prompt") if _is_present(row.get(name))}
    if not prompt:
        remedy = "give each row the prompt's text in 'prompt', or 'messages', or our 'prompt_id'"
        return _required_text(row, "prompt_id", place, remedy)
    if isinstance(messages := prompt.get("messages", []), str) and not messages[:1] == "[":
        raise InputError(
            f"{place}: field 'messages' is no list", "make it a list of {role, content}"
        )
    tools = row["tools"] if _is_present(row.get("tools")) else None
    return prompt_from_row(prompt | {"tools": tools}, "", place).prompt_id


def _required_text(row: Mapping[str, Any], field: str, place: str, remedy: str) -> str:
    value = _optional_text(row, field, place)
    if value:
        return value
    raise InputError(f"{place}: field '{field}' is missing", remedy)


def _optional_text(row: Mapping[str, Any], field: str, place: str) -> str | None:
    value = row.get(field)
    if not _is_present(value):
        return None
    if isinstance(value, str):
        return value
    raise InputError(
        f"{place}: field '{field}' is {type(value).__name__}, not text", f"make '{field}' a string"
    )


def _whole_number(row: Mapping[str, Any], field: str, place: str, maximum: int) -> int | None:
    """Return a whole number from 0. Text as in CSV and floats without a fraction, as in a column
    that has gaps, are as good."""
    value: Any = row.get(field)
    if not _is_present(value):
        return None
    try:
        number = None if isinstance(value, bool) else int(value)
    except (TypeError, ValueError, OverflowError):
        number = None
    if (
        number is not None
        and 0 <= number <= maximum
        and (isinstance(value, str) or number == value)
    ):
        return number
    raise InputError(
        f"{place}: field '{field}' is {value!r}", f"give a whole number from 0 to {maximum}"
    )


def _cost(row: Mapping[str, Any], place: str) -> float | None:
    value: Any = row.get("cost_usd")
    if not _is_present(value):
        return None
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if 0 <= number < math.inf:
        return number
    raise InputError(f"{place}: field 'cost_usd' is {value!r}", "give the price in USD, or nothing")


def _is_present(value: Any) -> bool:
    """Return whether a cell holds something; NaN is how some writers of Parquet say that it does
    not."""
    return value is not None and value == value  # noqa: PLR0124
