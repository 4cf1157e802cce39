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

from prefline.config import Endpoint
from prefline.errors import EndpointDenied, EndpointError, EndpointUnreachable, ModelUnknown
from prefline.llm.bodies import flaw_of
from prefline.llm.request import Request
from prefline.llm.usage import NOTHING, Usage, usage_of

_EXCERPT = 300
_DAY_S = 86_400.0
_TRY_AGAIN = {408, 409, 425, 429}
_OVERLOADED = {429, 503, 529}


@dataclass(frozen=True, slots=True)
class Accepted:
    """A usable reply: `body` is what is stored, `content` the JSON in it."""

    body: bytes
    content: dict[str, Any]
    usage: Usage


@dataclass(frozen=True, slots=True)
class TryAgain:
    """A passing fault.

    `after_s` is how long the server asked to wait, in seconds. `overloaded` says that it
    asked for fewer calls, `broken` that the fault is the server's and not this call's.
    `usage` was billed for nothing; None where the call was sent and nobody knows.
    """

    reason: str
    detail: str
    after_s: float | None = None
    overloaded: bool = False
    broken: bool = False
    usage: Usage | None = NOTHING

    @property
    def told_to_wait(self) -> bool:
        """Whether the server only asked to come later: that is no failed try."""
        return self.overloaded and not self.broken


@dataclass(frozen=True, slots=True)
class Refused:
    """This record will never get a reply; the others may."""

    reason: str
    detail: str
    usage: Usage = NOTHING


@dataclass(frozen=True, slots=True)
class Stop:
    """No record of this endpoint will get a reply: the run ends with `error`."""

    error: EndpointError
    usage: Usage = NOTHING


Answer = Accepted | TryAgain | Refused | Stop


def classify(
    endpoint: Endpoint,
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    asked: type[Request] = Request,
) -> Answer:
    """What to do with the HTTP answer of one try; `asked` is the kind of request that it is for."""
    if status < HTTPStatus.MULTIPLE_CHOICES:
        return _classify_success(body, asked)
    if status < HTTPStatus.BAD_REQUEST:
        return Stop(_redirected(endpoint, headers.get("location", "another place")))
    message, code = _error_of(body)
    if status in (401, 402, 403) or code == "insufficient_quota":
        return Stop(_denied(endpoint, status, message))
    if status == HTTPStatus.NOT_FOUND:
        return Stop(_not_found(endpoint, message))
    broken = status >= HTTPStatus.INTERNAL_SERVER_ERROR
    if status in _TRY_AGAIN or broken:
        overloaded = status in _OVERLOADED
        return TryAgain(f"http_{status}", message, retry_after(headers), overloaded, broken)
    return Refused("bad_request", f"HTTP {status}: {message}")


def _classify_success(body: bytes, asked: type[Request]) -> Answer:
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        return TryAgain("not_json", f"{error}: {_excerpt(body)}", broken=True, usage=None)
    if not isinstance(content, dict):
        return TryAgain("no_choices", _excerpt(body), broken=True, usage=None)
    if "error" in content and not content.keys() & {"choices", "data"}:  # some gateways send so
        return TryAgain("error_with_200", _excerpt(body), broken=True)
    try:
        flaw = flaw_of(asked, content)
        usage = usage_of(content)
    except (AttributeError, KeyError, TypeError, IndexError, ValueError) as error:
        return TryAgain("not_a_completion", f"{error!r}: {_excerpt(body)}", usage=None)
    return TryAgain(flaw, _excerpt(body), usage=usage) if flaw else Accepted(body, content, usage)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the server asks to wait: `retry-after-ms`, or `Retry-After` as seconds
    or as an HTTP date (RFC 9110, 10.2.3); None if it says nothing that can be read, or a date
    that is days away by our clock alone. Names of headers are in lower case."""
    milliseconds = headers.get("retry-after-ms", "")
    if milliseconds.replace(".", "", 1).isdigit():
        return float(milliseconds) / 1000
    value = headers.get("retry-after", "").strip()
    if value.replace(".", "", 1).isdigit():
        return float(value)
    when = _date(value)
    if when is None:
        return None
    # By the server's own clock where it says: ours may be wrong, or may have jumped.
    told = _date(headers.get("date", ""))
    wait_s = max(0.0, (when - (told or datetime.now(UTC))).total_seconds())
    return None if told is None and wait_s > _DAY_S else wait_s


def _date(value: str) -> datetime | None:
    try:
        when = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    return when if when.tzinfo else when.replace(tzinfo=UTC)


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


def _redirected(endpoint: Endpoint, place: str) -> EndpointUnreachable:
    return EndpointUnreachable(
        f"{endpoint.base_url} redirects to {place}: a call with a body is not sent on",
        "correct base_url in params.yaml: https instead of http, or the address it redirects to",
        endpoint=endpoint.base_url,
    )


def _not_found(endpoint: Endpoint, message: str) -> ModelUnknown:
    return ModelUnknown(
        f"{endpoint.base_url} does not serve the model {endpoint.model!r}: {message}",
        "correct `model` or `base_url` (it usually ends in /v1) in params.yaml; "
        "`prefline doctor` lists the models that are served",
        endpoint=endpoint.base_url,
    )
