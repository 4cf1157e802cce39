"""Reading of HTTP answers: classify each as a reply, another try, a failed record or the end of
the run, and parse replies. Pure: no I/O."""

from __future__ import annotations

import email.utils
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, NamedTuple

import orjson

from prefline.config import Endpoint, Prices
from prefline.errors import EndpointDenied, EndpointError, EndpointUnreachable, ModelUnknown
from prefline.llm.completion import Completion, decode_body, read_completion, read_top_logprobs
from prefline.llm.faults import EXCERPT, Fault, fault_in, read_fault
from prefline.llm.outcome import NO_USAGE, Reply, Usage, cost_usd, parse_usage
from prefline.llm.request import EmbeddingRequest, Request, RewardRequest

_DAY_S = 86_400.0
# 424: what the server itself depends on failed; 498: Groq has no capacity left for flexible calls.
_RETRIED = {408, 409, 424, 425, 429, 498}
_OVERLOADED = {429, 498, 503, 529}


class Accepted(NamedTuple):
    """A usable reply: `body` is what is stored, `content` the JSON in it, `completion` what that
    says, if it is no embedding."""

    body: bytes
    content: dict[str, Any]
    usage: Usage
    completion: Completion | None = None


@dataclass(frozen=True, slots=True)
class Retry:
    """A passing fault.

    `after_s` is how long the server asked to wait, in seconds. `overloaded` says that it
    asked for fewer calls, `broken` that the fault is the server's and not this call's.
    `usage` was billed without a reply; None where the call was sent and nobody knows.
    """

    reason: str
    detail: str
    after_s: float | None = None
    overloaded: bool = False
    broken: bool = False
    usage: Usage | None = NO_USAGE

    @property
    def rate_limited(self) -> bool:
        """True if the server only asked to come later: that is no failed try."""
        return self.overloaded and not self.broken


@dataclass(frozen=True, slots=True)
class Refused:
    """This record will never get a reply; the others may.

    `fault` is what the server said. `suspect` is the error of the run, where a plain request
    would be refused in the same way.
    """

    reason: str
    detail: str
    fault: Fault
    suspect: EndpointError | None = None
    usage: Usage = NO_USAGE


@dataclass(frozen=True, slots=True)
class Stop:
    """No record of this endpoint will get a reply: the run ends with `error`."""

    error: EndpointError
    usage: Usage = NO_USAGE


Answer = Accepted | Retry | Refused | Stop


def classify(
    endpoint: Endpoint,
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    kind: type[Request] = Request,
) -> Answer:
    """Decide what to do with the HTTP answer to one try of a request of class `kind`.

    Names in `headers` are in lower case.
    """
    if status < HTTPStatus.MULTIPLE_CHOICES:
        return _classify_success(endpoint, headers, body, kind)
    if status < HTTPStatus.BAD_REQUEST:
        return Stop(_redirected(endpoint, headers.get("location", "another place")))
    return _classify_error(endpoint, status, headers, read_fault(body))


def _classify_error(
    endpoint: Endpoint, status: int, headers: Mapping[str, str], fault: Fault
) -> Answer:
    error = _stopping_error(endpoint, status, fault)
    if error is not None:
        return Stop(error)
    broken = status >= HTTPStatus.INTERNAL_SERVER_ERROR
    passes = status == HTTPStatus.FORBIDDEN and fault.is_of_an_outage
    if status in _RETRIED or broken or passes:
        overloaded = status in _OVERLOADED
        after_s = retry_after(headers)
        return Retry(f"http_{status}", fault.message, after_s, overloaded, broken or passes)
    detail = f"HTTP {status}: {fault.message}"
    if fault.is_of_content:
        return Refused("content_filter", detail, fault)
    if status == HTTPStatus.FORBIDDEN:  # of the key or of this record: others will tell
        return Refused("forbidden", detail, fault, _denied(endpoint, status, fault))
    return Refused("bad_request", detail, fault)


def _stopping_error(endpoint: Endpoint, status: int, fault: Fault) -> EndpointError | None:
    """Return the error of the run that an answer to whatever call says; None if it says none."""
    if status == HTTPStatus.PAYMENT_REQUIRED or fault.is_of_money:
        return _out_of_money(endpoint, status, fault)
    if status == HTTPStatus.UNAUTHORIZED:
        return _denied(endpoint, status, fault)
    is_there = status != HTTPStatus.NOT_FOUND or fault.is_of_content
    if not is_there or (status == HTTPStatus.BAD_REQUEST and fault.is_of_the_model):
        return _not_found(endpoint, fault.message)
    return None


def _classify_success(
    endpoint: Endpoint, headers: Mapping[str, str], body: bytes, kind: type[Request]
) -> Answer:
    try:
        body, content = decode_body(body)
    except orjson.JSONDecodeError as error:
        return Retry("not_json", f"{error}: {_excerpt(body)}", broken=True, usage=None)
    if isinstance(content, list) and content and isinstance(content[0], dict):
        content = content[0]  # as Gemini sends its errors
    if not isinstance(content, dict):
        return Retry("no_choices", _excerpt(body), broken=True, usage=None)
    if content.get("error") and not (content.get("choices") or content.get("data")):
        return _classify_inner_error(endpoint, headers, content)
    usage, completion = parse_usage(content), None
    try:
        if kind is EmbeddingRequest:
            flaw = _embedding_flaw(content)
        elif issubclass(kind, RewardRequest):
            kind.values(content)
            flaw = None
        elif not content.get("choices") and content.get("type") != "message":
            flaw = "no_choices"
        else:
            completion = read_completion(content, usage.reasoning_tokens)
            flaw = _completion_flaw(completion)
    except (AttributeError, KeyError, TypeError, IndexError, ValueError) as error:
        return Retry("not_a_completion", f"{error!r}: {_excerpt(body)}", usage=None)
    accepted = Accepted(body, content, usage, completion)
    return accepted if flaw is None else Retry(flaw, _excerpt(body), usage=usage)


def _classify_inner_error(
    endpoint: Endpoint, headers: Mapping[str, str], content: dict[str, Any]
) -> Answer:
    """Classify an error in a body with status 200 by the status that it names."""
    fault = fault_in(content)
    if fault.status is None:
        return Retry("error_with_200", fault.message, broken=True)
    return _classify_error(endpoint, fault.status, headers, fault)


def _completion_flaw(completion: Completion | None) -> str | None:
    """Name what makes a completion useless, in one word; None if it is usable."""
    if completion is None:
        return "null_content"
    return "finish_reason_error" if completion.finish_reason == "error" else None


def _embedding_flaw(content: dict[str, Any]) -> str | None:
    """Do the same for the content of an embedding; raises where it has another shape."""
    data = content.get("data")
    if not data:
        return "no_embedding"
    vector = [float(value) for value in data[0]["embedding"]]
    # All zeros is what some servers send for a text that they could not read.
    return None if any(vector) and all(map(math.isfinite, vector)) else "not_an_embedding"


def parse_reply(
    request: Request, prices: Prices, content: dict[str, Any], *, cached: bool, batch: bool = False
) -> Reply:
    """Return the JSON of a stored or fresh body, which `classify` accepted, as a `Reply`.

    A refusal that the vendor marks as such has `finish_reason` "refusal". Raises `ValueError`,
    and what `read_completion` does, for what `classify` would not have accepted.
    """
    usage = parse_usage(content)
    if isinstance(request, EmbeddingRequest | RewardRequest):
        accepted = Accepted(b"", content, usage)
    else:
        completion = read_completion(content, usage.reasoning_tokens)
        if (flaw := _completion_flaw(completion)) is not None:
            raise ValueError(flaw)
        accepted = Accepted(b"", content, usage, completion)
    return reply_of(request, prices, accepted, cached=cached, batch=batch)


def reply_of(
    request: Request, prices: Prices, accepted: Accepted, *, cached: bool, batch: bool = False
) -> Reply:
    """Return what was accepted as the reply to a request."""
    content, usage, completion = accepted.content, accepted.usage, accepted.completion
    cost = cost_usd(prices, usage, batch=batch)
    if isinstance(request, RewardRequest):
        return Reply(request, "", "stop", (), usage, cost, cached, request.values(content))
    if completion is None:
        vector = tuple(float(value) for value in content["data"][0]["embedding"])
        return Reply(request, "", "stop", (), usage, cost, cached, vector)
    text, reasoning, finish_reason, tool_calls = completion
    logprobs = read_top_logprobs(content)
    return Reply(
        request, text, finish_reason, logprobs, usage, cost, cached, (), reasoning, tool_calls
    )


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that the server asks to wait, None if it says nothing readable.

    Read from `retry-after-ms`, or from `Retry-After` as seconds or as an HTTP date (RFC 9110,
    10.2.3). A date that is days away by our clock alone is not believed.
    """
    milliseconds = headers.get("retry-after-ms", "")
    if milliseconds.replace(".", "", 1).isdigit():
        return float(milliseconds) / 1000
    value = headers.get("retry-after", "").strip()
    if value.replace(".", "", 1).isdigit():
        return float(value)
    until = _date(value)
    if until is None:
        return None
    # By the server's own clock where it says: ours may be wrong, or may have jumped.
    server_time = _date(headers.get("date", ""))
    wait_s = max(0.0, (until - (server_time or datetime.now(UTC))).total_seconds())
    return None if server_time is None and wait_s > _DAY_S else wait_s


def _date(value: str) -> datetime | None:
    try:
        date = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def _excerpt(body: bytes) -> str:
    return body[:EXCERPT].decode("utf-8", "replace")


def _denied(endpoint: Endpoint, status: int, fault: Fault) -> EndpointDenied:
    where = f"the environment variable {endpoint.key_env}" if endpoint.key_env else "key_env"
    return EndpointDenied(
        f"{endpoint.base_url} refuses the key for {endpoint.model} (HTTP {status}): "
        f"{fault.message}",
        f"put a valid key with credit into {where}"
        + ("" if endpoint.key_env else ", which names the variable, in params.yaml"),
        endpoint=endpoint.base_url,
    )


def _out_of_money(endpoint: Endpoint, status: int, fault: Fault) -> EndpointDenied:
    return EndpointDenied(
        f"{endpoint.base_url} has no credit, budget or quota left for {endpoint.model} "
        f"(HTTP {status}): {fault.message}",
        "add credit or raise the budget there, or put another key into "
        f"{endpoint.key_env or 'the variable that key_env names'}; then run the same command "
        "again: everything paid for is kept",
        endpoint=endpoint.base_url,
    )


def _redirected(endpoint: Endpoint, place: str) -> EndpointUnreachable:
    return EndpointUnreachable(
        f"{endpoint.base_url} redirects to {place}: a call with a body is not sent on",
        "correct base_url in params.yaml: https instead of http, or the address it redirects to",
        endpoint=endpoint.base_url,
    )


def _not_found(endpoint: Endpoint, message: str) -> ModelUnknown:
    if endpoint.model not in message:  # of the path, maybe
        return ModelUnknown(
            f"{endpoint.base_url} has no model {endpoint.model!r}, or no path as it was called: "
            f"{message}",
            "correct `base_url` (it usually ends in /v1), `dialect` (`anthropic` and `azure` have "
            "paths of their own: docs/endpoints.md) or `model` in params.yaml; `prefline doctor` "
            "lists the models that are served",
            endpoint=endpoint.base_url,
        )
    return ModelUnknown(
        f"{endpoint.base_url} does not serve the model {endpoint.model!r}: {message}",
        "correct `model` or `base_url` (it usually ends in /v1) in params.yaml; "
        "`prefline doctor` lists the models that are served",
        endpoint=endpoint.base_url,
    )
