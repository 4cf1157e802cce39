"""The files of a batch: its input, checked line by line, and the lines of its outputs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import orjson

from prefline.simulator.models import Models
from prefline.simulator.truth import key_of, uniforms
from prefline.simulator.wire import ApiError, decode

CHAT_ENDPOINT = "/v1/chat/completions"
MAX_ERRORS = 100
SERVER_ERROR = "batch_500"
TIMEOUT = "batch_timeout"
_SHARE_OF_SERVER_ERRORS = 0.5  # of the failed lines; the others time out
_MESSAGES = {
    "request_timeout": "Simulated fault: the underlying call to the model timed out.",
    "batch_expired": "This request could not be executed before the completion window expired.",
    "batch_cancelled": "This request was not executed because the batch was cancelled.",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One request of a batch; `body` is `orjson.dumps` of the line's, as if sent live."""

    number: int
    custom_id: str
    body: bytes


@dataclass(frozen=True, slots=True)
class BatchError:
    """The reason why a batch fails; `line` counts from 1, None for the file as a whole."""

    code: str
    message: str
    line: int | None = None
    param: str | None = None

    def describe(self) -> dict[str, Any]:
        """Return the batch error object of OpenAI's API."""
        return {
            "code": self.code,
            "message": self.message,
            "line": self.line,
            "param": self.param,
        }


# Input


def file_error(content: bytes, max_bytes: int) -> BatchError | None:
    """Return the error of a file that is empty or too large."""
    if not content.strip():
        return BatchError("empty_file", "The input file is empty.")
    if len(content) > max_bytes:
        return BatchError("file_too_large", f"The input file is larger than {max_bytes} bytes.")
    return None


def numbered_lines(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the lines that are not blank, with their numbers from 1."""
    # Not by `split`: a large file would be in memory twice.
    start, number = 0, 0
    while start < len(content):
        end = content.find(b"\n", start) % (len(content) + 1)
        number += 1
        raw = content[start:end]
        if raw.strip():
            yield number, raw
        start = end + 1


class LineChecker:
    """Checks lines one by one; `lines` has the valid ones, `errors` those of the others."""

    def __init__(self, models: Sequence[str], max_lines: int) -> None:
        self.lines: list[Line] = []
        self.errors: list[BatchError] = []
        self.model: str | None = None
        self._models = frozenset(models)
        self._max_lines = max_lines
        self._custom_ids: set[str] = set()

    @property
    def gave_up(self) -> bool:
        """Return whether enough is wrong already to stop reading."""
        return len(self.errors) >= MAX_ERRORS or len(self.lines) > self._max_lines

    def add(self, number: int, raw: bytes) -> None:
        """Check the next line."""
        checked = self._check(number, decode(raw))
        if isinstance(checked, BatchError):
            self.errors.append(checked)
            return
        self.lines.append(checked)
        self._custom_ids.add(checked.custom_id)
        if len(self.lines) > self._max_lines:
            message = f"The batch has more than {self._max_lines} requests."
            self.errors.append(BatchError("too_many_tasks", message))

    def _check(self, number: int, data: Any) -> Line | BatchError:
        if not isinstance(data, dict):
            message = "This line is not parseable as valid JSON."
            return BatchError("invalid_json_line", message, number)
        error = _field_error(data) or self._id_error(data["custom_id"]) or self._model_error(data)
        if error:
            return BatchError(error.code, error.message, number, error.param)
        return Line(number, data["custom_id"], _compact(orjson.dumps(data["body"])))

    def _id_error(self, custom_id: str) -> BatchError | None:
        if custom_id in self._custom_ids:
            message = f"The custom_id '{custom_id}' is used by another line."
            return BatchError("duplicate_custom_id", message, param="custom_id")
        return None

    def _model_error(self, data: dict[str, Any]) -> BatchError | None:
        model = data["body"].get("model")
        if not isinstance(model, str) or model not in self._models:
            message = f"The provided model '{model}' is not supported by the Batch API."
            return BatchError("model_not_found", message, param="body.model")
        self.model = self.model or model
        if model != self.model:
            message = f"The model '{model}' differs from that of the first line, '{self.model}'."
            return BatchError("model_mismatch", message, param="body.model")
        return None


def _field_error(data: dict[str, Any]) -> BatchError | None:
    expected = {"custom_id": str, "method": str, "url": str, "body": dict}
    for name, kind in expected.items():
        if name not in data:
            message = f"Missing required parameter: '{name}'."
            return BatchError("missing_required_parameter", message, param=name)
        if not isinstance(data[name], kind):
            message = f"The parameter '{name}' is of a wrong type."
            return BatchError("invalid_type", message, param=name)
    if data["method"] != "POST":
        return BatchError("invalid_method", "The method must be POST.", param="method")
    if data["url"] != CHAT_ENDPOINT:
        message = "The URL provided for this request does not match the batch endpoint."
        return BatchError("url_mismatch", message, param="url")
    return None


# Outputs


@dataclass(frozen=True, slots=True)
class LineResult:
    """The result of a line: its number in the input, its JSON, and its billed tokens.

    `usage` is None where it failed. `status` is 0 where the model never answered.
    """

    number: int
    text: bytes
    model: str
    status: int
    fault: str | None
    usage: dict[str, Any] | None


def line_fault(share: float, seed: int, body: int, attempt: int) -> str | None:
    """Draw the fault of the `attempt`-th request with a body: status 500, a timeout, or None."""
    if share == 0:
        return None
    key = key_of(b"batch line", seed.to_bytes(8, "big", signed=True), body.to_bytes(8, "big"))
    chance, which, _, _ = uniforms(key, "fault", attempt)
    kind = SERVER_ERROR if which < _SHARE_OF_SERVER_ERRORS else TIMEOUT
    return kind if chance < share else None


def answer_line(line: Line, batch_id: str, models: Models, fault: str | None) -> LineResult:
    """Answer a line, or let it fail as `fault` says."""
    name = _request_name(line, batch_id)
    try:
        chat = models.parse(line.body)
    except ApiError as error:
        text = _response(line, name, error.status, error.body)
        return LineResult(line.number, text, "", error.status, None, None)
    if fault == TIMEOUT:
        text = _error(line, name, "request_timeout")
        return LineResult(line.number, text, chat.model, 0, fault, None)
    if fault == SERVER_ERROR:
        failure = ApiError(500, "Simulated fault: the server failed.", type="server_error")
        text = _response(line, name, failure.status, failure.body)
        return LineResult(line.number, text, chat.model, failure.status, fault, None)
    reply = models.reply(chat)
    text = _response(line, name, 200, reply)
    return LineResult(line.number, text, chat.model, 200, None, reply["usage"])


def unreached_line(line: Line, batch_id: str, code: str) -> bytes:
    """Return the line of the error file for a request that the batch did not reach."""
    return _error(line, _request_name(line, batch_id), code)


def shuffled(results: list[LineResult], seed: bytes) -> list[LineResult]:
    """Return the results in another order than the input's, if there are two or more."""
    mixed = sorted(results, key=lambda result: key_of(seed, result.number.to_bytes(8, "big")))
    in_order = all(first.number < second.number for first, second in pairwise(mixed))
    return mixed[::-1] if in_order else mixed


def _request_name(line: Line, batch_id: str) -> str:
    return key_of(batch_id.encode(), line.number.to_bytes(8, "big")).hex()


def _response(line: Line, name: str, status: int, body: dict[str, Any]) -> bytes:
    response = {"status_code": status, "request_id": f"req_{name}", "body": body}
    return _output_line(line, name, response, None)


def _error(line: Line, name: str, code: str) -> bytes:
    return _output_line(line, name, None, {"code": code, "message": _MESSAGES[code]})


def _output_line(line: Line, name: str, response: Any, error: Any) -> bytes:
    entry = {
        "id": f"batch_req_{name}",
        "custom_id": line.custom_id,
        "response": response,
        "error": error,
    }
    return _compact(orjson.dumps(entry, option=orjson.OPT_APPEND_NEWLINE))


def _compact(data: bytes) -> bytes:
    """Copy bytes into as much memory as they are long: orjson's take up to 8 KB more."""
    return bytes(memoryview(data))
