"""Responses that were made elsewhere: tables of them as rows of ours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prefline.config import GenerateParams, ImportedResponses
from prefline.config.generation import IMPORTED_COLUMNS
from prefline.errors import InputError
from prefline.ids import content_id
from prefline.sources import given_file, read_rows
from prefline.tables import Rejection
from prefline.tables.prompts import Prompt
from tasks.generate.candidate import IMPORTED, response_id
from tasks.generate.cells import values_of

FOLDER = "data/imported/responses"

Row = dict[str, Any]
Key = tuple[str, str, int]  # prompt, model, sample


@dataclass(frozen=True, slots=True)
class Imported:
    """Rows of `responses` in the order of prompts, models and samples, whatever the order of
    the tables' rows; and what is not among them."""

    rows: list[Row]
    rejections: list[Rejection]


def read_imports(prompts: Sequence[Prompt], params: GenerateParams, root: Path) -> Imported:
    """All tables of imported responses to the prompts of this run.

    Raises `InputError` that names file, row, field and remedy; for a file outside of
    data/imported/responses, and for two different responses of one prompt, model and sample, too.
    """
    reader = _Reader({prompt.prompt_id: n for n, prompt in enumerate(prompts)}, params)
    for table in params.imported:
        path = given_file(root, table.path, FOLDER)
        for place, row in _rows(table, path):
            reader.take(table, place, row)
    return reader.ended()


def _rows(table: ImportedResponses, path: Path) -> Iterator[tuple[str, Row]]:
    """The rows by our names of columns."""
    text, seen = table.columns.get("text", "text"), set[str]()
    for place, given in read_rows(path):
        if text not in given:
            raise InputError(
                f"{place}: field '{text}' is missing",
                "say in `columns` which column holds the response: {text: theirs}",
            )
        seen.update(given)
        row = {name: given.get(table.columns.get(name, name)) for name in IMPORTED_COLUMNS}
        yield place, row | ({"model": table.model} if table.model else {})
    for ours, theirs in table.columns.items():
        if seen and theirs not in seen:
            raise InputError(
                f"{path.name}: no row has a field '{theirs}', which `columns` names for '{ours}'",
                f"correct it; the table has {', '.join(sorted(seen))}",
            )


@dataclass(slots=True)
class _Reader:
    """Takes rows, one after another, and keeps those that are responses of this run."""

    prompts: Mapping[str, int]
    params: GenerateParams
    found: dict[Key, tuple[str, Row]] = field(default_factory=dict)
    rejections: list[Rejection] = field(default_factory=list)

    def take(self, table: ImportedResponses, place: str, row: Mapping[str, Any]) -> None:
        """Keep a row, or say why it is not kept."""
        values = values_of(row, place)
        key = (values["prompt_id"], values["model"], values["sample_index"])
        fault = self._fault(key, values, place)
        if fault is None:
            self.found[key] = place, values
        else:
            identity = content_id(IMPORTED, table.path, place)
            self.rejections.append(Rejection("generate", "response", identity, *fault))

    def _fault(self, key: Key, values: Row, place: str) -> tuple[str, str] | None:
        """Reason and detail for a row that is no response of this run."""
        if key[0] not in self.prompts:
            return "unknown_prompt", f"{place}: its prompt is not among the sampled ones"
        if not values["text"]:
            return "empty", f"{place}: it has no text"
        self._refuse_own(key, place)
        if key not in self.found:
            return None
        other, same = self.found[key]
        if values == same:
            return "duplicate", f"{place}: the same as {other}"
        raise InputError(
            f"{place}: another response of the prompt, model and sample of {other}",
            "number a model's responses to one prompt in 'sample_index', or keep one of them",
        )

    def _refuse_own(self, key: Key, place: str) -> None:
        own = any(endpoint.model == key[1] for endpoint in self.params.endpoints)
        if own and key[2] < self.params.samples_per_prompt:
            raise InputError(
                f"{place}: sample {key[2]} of {key[1]} is one that this run makes itself",
                f"give 'sample_index' from {self.params.samples_per_prompt} on, or another 'model'",
            )

    def ended(self) -> Imported:
        """All that was kept, in order, as rows."""
        ordered = sorted(self.found, key=lambda key: (self.prompts[key[0]], *key[1:]))
        return Imported([_row(self.found[key][1]) for key in ordered], self.rejections)


def _row(values: Row) -> Row:
    prompt_id, model, index = (values[name] for name in ("prompt_id", "model", "sample_index"))
    identity = response_id(prompt_id, model, index, IMPORTED, values["text"])
    return {"response_id": identity, "origin": IMPORTED, **values}
