"""Checking a batch's input file, line by line, before any of it is answered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from prefline.simulator.answers import decoded

CHAT_ENDPOINT = "/v1/chat/completions"
MOST_FLAWS = 100


@dataclass(frozen=True, slots=True)
class Line:
    """One request of a batch; `body` is `orjson.dumps` of the line's, as if sent live."""

    number: int
    custom_id: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Flaw:
    """Why a batch fails; `line` counts from 1, None where the file as a whole is at fault."""

    code: str
    message: str
    line: int | None = None
    param: str | None = None

    def describe(self) -> dict[str, Any]:
        """The batch error object of OpenAI's API."""
        return {
            "code": self.code,
            "message": self.message,
            "line": self.line,
            "param": self.param,
        }


def kept(data: bytes) -> bytes:
    """A copy that takes as much memory as it is long: orjson's bytes take up to 8 KB more."""
    return bytes(memoryview(data))


def file_flaw(content: bytes, max_bytes: int) -> Flaw | None:
    """What is wrong with a file before its lines are read."""
    if not content.strip():
        return Flaw("empty_file", "The input file is empty.")
    if len(content) > max_bytes:
        return Flaw("file_too_large", f"The input file is larger than {max_bytes} bytes.")
    return None


def numbered(content: bytes) -> Iterator[tuple[int, bytes]]:
    """The lines that are not blank, by their number from 1."""
    # Not by `split`: a large file would be in memory twice.
    start, number = 0, 0
    while start < len(content):
        end = content.find(b"\n", start) % (len(content) + 1)
        number += 1
        raw = content[start:end]
        if raw.strip():
            yield number, raw
        start = end + 1


class Checks:
    """Takes lines in; `lines` are the good ones, `flaws` what is wrong with the others."""

    def __init__(self, models: Sequence[str], max_lines: int) -> None:
        self.lines: list[Line] = []
        self.flaws: list[Flaw] = []
        self._models = frozenset(models)
        self._max_lines = max_lines
        self._ids: set[str] = set()
        self.model: str | None = None

    @property
    def hopeless(self) -> bool:
        """Whether reading on is of no use: enough is wrong already."""
        return len(self.flaws) >= MOST_FLAWS or len(self.lines) > self._max_lines

    def take(self, number: int, raw: bytes) -> None:
        """Check the next line."""
        checked = self._check(number, decoded(raw))
        if isinstance(checked, Flaw):
            self.flaws.append(checked)
            return
        self.lines.append(checked)
        self._ids.add(checked.custom_id)
        if len(self.lines) > self._max_lines:
            message = f"The batch has more than {self._max_lines} requests."
            self.flaws.append(Flaw("too_many_tasks", message))

    def _check(self, number: int, data: Any) -> Line | Flaw:
        if not isinstance(data, dict):
            message = "This line is not parseable as valid JSON."
            return Flaw("invalid_json_line", message, number)
        flaw = _field_flaw(data) or self._id_flaw(data["custom_id"]) or self._model_flaw(data)
        if flaw:
            return Flaw(flaw.code, flaw.message, number, flaw.param)
        return Line(number, data["custom_id"], kept(orjson.dumps(data["body"])))

    def _id_flaw(self, custom_id: str) -> Flaw | None:
        if custom_id in self._ids:
            message = f"The custom_id '{custom_id}' is used by another line."
            return Flaw("duplicate_custom_id", message, param="custom_id")
        return None

    def _model_flaw(self, data: dict[str, Any]) -> Flaw | None:
        model = data["body"].get("model")
        if not isinstance(model, str) or model not in self._models:
            message = f"The provided model '{model}' is not supported by the Batch API."
            return Flaw("model_not_found", message, param="body.model")
        self.model = self.model or model
        if model != self.model:
            message = f"The model '{model}' differs from that of the first line, '{self.model}'."
            return Flaw("model_mismatch", message, param="body.model")
        return None


def _field_flaw(data: dict[str, Any]) -> Flaw | None:
    expected = {"custom_id": str, "method": str, "url": str, "body": dict}
    for name, kind in expected.items():
        if name not in data:
            message = f"Missing required parameter: '{name}'."
            return Flaw("missing_required_parameter", message, param=name)
        if not isinstance(data[name], kind):
            message = f"The parameter '{name}' is of a wrong type."
            return Flaw("invalid_type", message, param=name)
    if data["method"] != "POST":
        return Flaw("invalid_method", "The method must be POST.", param="method")
    if data["url"] != CHAT_ENDPOINT:
        message = "The URL provided for this request does not match the batch endpoint."
        return Flaw("url_mismatch", message, param="url")
    return None
