"""What an HTTP answer means: a reply, another try, a failed record, or the end of the run.

All of it is decided here, without I/O.
"""

from __future__ import annotations

import email.utils
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import orjson

from prefline.engine.request import Reply, Request
from prefline.errors import EndpointDenied, EndpointError, ModelUnknown
from prefline.params import Endpoint, Prices

_EXCERPT = 300
_ERRORS = 400
_TRY_AGAIN = {408, 409, 425, 429}


@dataclass(frozen=True, slots=True)
class Accepted:
    """A usable reply: `body` is what is stored."""

    body: bytes


@dataclass(frozen=True, slots=True)
class TryAgain:
    """A passing fault. `after_s` is how long the server asked to wait, in seconds.
    `overloaded` says that the server asked for fewer calls at once."""

    reason: str
    detail: str
    after_s: float | None = None
    overloaded: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """This record will never get a reply; the others may."""

    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Stop:
    """No record of this endpoint will get a reply: the run ends with `error`."""

    error: EndpointError


Answer = Accepted | TryAgain | Refused | Stop


def classify(endpoint: Endpoint, status: int, headers: Mapping[str, str], body: bytes) -> Answer:
    """What to do with the HTTP answer of one try."""
    if status < _ERRORS:
        return _classify_success(body)
    message, code = _error_of(body)
    if status in (401, 402, 403) or code == "insufficient_quota":
        return Stop(_denied(endpoint, status, message))
    if status == HTTPStatus.NOT_FOUND:
        return Stop(_not_found(endpoint, message))
    if status in _TRY_AGAIN or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        overloaded = status in (429, 503)
        return TryAgain(f"http_{status}", message, retry_after(headers), overloaded)
    return Refused("bad_request", f"HTTP {status}: {message}")


def _classify_success(body: bytes) -> Answer:
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        return TryAgain("not_json", f"{error}: {_excerpt(body)}")
    choices = content.get("choices") if isinstance(content, dict) else None
    if not choices:
        return TryAgain("no_choices", _excerpt(body))
    message = choices[0].get("message") or {}
    if message.get("content") is None and not message.get("refusal"):
        return TryAgain("null_content", _excerpt(body))
    return Accepted(body)


def parse_reply(request: Request, prices: Prices, body: bytes, *, cached: bool) -> Reply:
    """A stored or fresh body, which `classify` accepted, as a `Reply`.

    A refusal that the vendor marks as such has `finish_reason` "refusal".
    """
    content = orjson.loads(body)
    choice = content["choices"][0]
    message = choice["message"]
    refusal = message.get("refusal")
    usage = content.get("usage") or {}
    read, written = usage.get("prompt_tokens") or 0, usage.get("completion_tokens") or 0
    return Reply(
        request=request,
        text=message.get("content") or refusal or "",
        finish_reason="refusal" if refusal else (choice.get("finish_reason") or "unknown"),
        top_logprobs=_top_logprobs(choice),
        input_tokens=read,
        output_tokens=written,
        cost_usd=cost_usd(prices, read, written),
        cached=cached,
    )


def cost_usd(prices: Prices, input_tokens: int, output_tokens: int) -> float:
    """Price of a call in USD; prices are per million tokens."""
    return (prices.input * input_tokens + prices.output * output_tokens) / 1e6


def _top_logprobs(choice: dict[str, Any]) -> tuple[tuple[tuple[str, float], ...], ...]:
    tokens = (choice.get("logprobs") or {}).get("content") or []
    return tuple(
        tuple((top["token"], float(top["logprob"])) for top in token.get("top_logprobs") or ())
        for token in tokens
    )


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the server asks to wait: `retry-after-ms`, or `Retry-After` as seconds
    or as an HTTP date (RFC 9110, 10.2.3); None if it says nothing that can be read."""
    milliseconds = headers.get("retry-after-ms", "")
    if milliseconds.replace(".", "", 1).isdigit():
        return float(milliseconds) / 1000
    value = headers.get("Retry-After", "").strip()
    if value.replace(".", "", 1).isdigit():
        return float(value)
    try:
        when = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (when - datetime.now(UTC)).total_seconds())


def _error_of(body: bytes) -> tuple[str, str | None]:
    """The vendor's message and code, or an excerpt of whatever came instead."""
    try:
        error = orjson.loads(body)["error"]
        return str(error["message"])[:_EXCERPT], error.get("code")
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return _excerpt(body), None


def _excerpt(body: bytes) -> str:
    return body[:_EXCERPT].decode("utf-8", "replace")


def _denied(endpoint: Endpoint, status: int, message: str) -> EndpointDenied:
    where = f"the environment variable {endpoint.key_env}" if endpoint.key_env else "key_env"
    return EndpointDenied(
        f"{endpoint.base_url} refuses the key for {endpoint.model} (HTTP {status}): {message}",
        f"put a valid key with credit into {where}"
        + ("" if endpoint.key_env else ", which names the variable, in params.yaml"),
        endpoint=endpoint.base_url,
    )


def _not_found(endpoint: Endpoint, message: str) -> ModelUnknown:
    return ModelUnknown(
        f"{endpoint.base_url} does not serve the model {endpoint.model!r}: {message}",
        "correct `model` or `base_url` (it usually ends in /v1) in params.yaml; "
        "`prefline doctor` lists the models that are served",
        endpoint=endpoint.base_url,
    )
