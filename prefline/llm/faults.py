"""The faults that servers tell of, in the shapes of many: message, code, parameter; and what of."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

EXCERPT = 300  # characters of a message that are kept
_LONGEST_PAGE = 4_000
_TAGS = re.compile(r"<(script|style).*?</\1>|<[^>]*>", re.DOTALL | re.IGNORECASE)
# Gemini says "exceeded your current quota" of a minute's limit too, so that alone does not count.
_MONEY = re.compile(
    r"insufficient[_ ](quota|credit|balance|fund)|budget[_ ](has been )?exceeded|max budget|"
    r"exceed\w* (your |the )?(current |monthly |max(imum)? )?budget|credit balance|"
    r"billing[_ ](hard[_ ])?(limit|not[_ ]active)|out of credits?|no credits? (left|remaining)|"
    r"(requires|need) more credits|spend(ing)?[_ ]limit",
    re.IGNORECASE,
)
_CONTENT = re.compile(
    r"content[_ -]?(filter|polic|management|moderation)|moderat|flagged|responsible ?ai|"
    r"safety (system|polic|filter|guideline|reason|check)|usage polic|jailbreak|guardrail|"
    r"violat\w* (of )?(our|the|openai|content|usage|polic|terms)|polic\w* violation|"
    r"(harmful|inappropriate|sensitive|prohibited)[_ ](content|word|material|use)|data_inspection",
    re.IGNORECASE,
)
_MODEL = re.compile(
    r"(invalid|unknown|no such) model|model\b.{0,80}(does not exist|not found|is not served)|"
    r"model_not_found",
    re.IGNORECASE,
)
_OUTAGE = re.compile(
    r"unavailable|outage|timed? ?out|try again|temporar|could not be reached|overloaded",
    re.IGNORECASE,
)
# The words by which servers name a status that they send in a body with another one.
_STATUSES = {
    "rate_limit": 429, "rate_limit_error": 429, "rate_limit_exceeded": 429,
    "too_many_requests": 429, "resource_exhausted": 429, "overloaded": 529,
    "overloaded_error": 529, "service_unavailable": 503, "unavailable": 503,
    "authentication_error": 401, "invalid_api_key": 401, "unauthenticated": 401,
    "permission_error": 403, "permission_denied": 403, "content_filter": 400,
    "invalid_request_error": 400, "invalid_argument": 400, "bad_request": 400,
    "model_not_found": 404, "not_found_error": 404, "insufficient_quota": 402,
    "budget_exceeded": 402, "api_error": 500, "server_error": 500, "internal_error": 500,
    "internal_server_error": 500, "internal": 500,
}  # fmt: skip
_FIRST_ERROR, _LAST_ERROR = 400, 599


@dataclass(frozen=True, slots=True)
class Fault:
    """A server's message. `words` are its code, its type and its status in words; `param` is the
    parameter that it names; `status` the HTTP status that its body says, where it says one."""

    message: str
    words: tuple[str, ...] = ()
    param: str | None = None
    status: int | None = None

    @property
    def is_of_money(self) -> bool:
        """True if credit, a budget or a quota is used up."""
        return self._speaks_of(_MONEY)

    @property
    def is_of_content(self) -> bool:
        """True if what was sent is objected to for what it says."""
        return self._speaks_of(_CONTENT) and not self.is_of_an_outage

    @property
    def is_of_the_model(self) -> bool:
        """True if the model is not known there."""
        return self._speaks_of(_MODEL)

    @property
    def is_of_an_outage(self) -> bool:
        """True if it may pass."""
        return _OUTAGE.search(self.message) is not None

    @property
    def cause(self) -> str:
        """The part that faults of one cause have in common: the message without its numbers."""
        return self.param or re.sub(r"\d+(\.\d+)?", "0", self.message)

    def _speaks_of(self, pattern: re.Pattern[str]) -> bool:
        return pattern.search(" ".join((self.message, *self.words))) is not None


def read_fault(body: bytes) -> Fault:
    """Return what an error's body says; an excerpt of whatever came in place of an error."""
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        return Fault(_page_text(body))
    if isinstance(content, list) and content:
        content = content[0]
    return fault_in(content) if isinstance(content, dict) else Fault(_page_text(body))


def fault_in(content: Mapping[str, Any]) -> Fault:
    """Return what the content of an error's body says."""
    error = content.get("error")
    if not isinstance(error, dict):
        told = error or content.get("message") or content.get("detail") or content
        message = told if isinstance(told, str) else orjson.dumps(told).decode("utf-8", "replace")
        error = {key: content.get(key) for key in ("code", "type", "status", "param")}
        error["message"] = message
    message = error.get("message") or orjson.dumps(error).decode("utf-8", "replace")
    inner = error.get("innererror")
    codes = [error.get("code"), error.get("type"), error.get("status")]
    codes += [inner.get("code")] if isinstance(inner, dict) else []
    words = tuple(str(code) for code in codes if code is not None)
    statuses = (_status_of(word) for word in words)
    param = error.get("param")
    return Fault(
        " ".join(str(message).split())[:EXCERPT],
        words,
        param if isinstance(param, str) and param not in ("", "None") else None,
        next((status for status in statuses if status is not None), None),
    )


def _status_of(word: str) -> int | None:
    if word.isdigit():
        return int(word) if _FIRST_ERROR <= int(word) <= _LAST_ERROR else None
    return _STATUSES.get(word.lower())


def _page_text(body: bytes) -> str:
    """Return the words of a page of HTML or of plain text."""
    text = _TAGS.sub(" ", body[:_LONGEST_PAGE].decode("utf-8", "replace"))
    return " ".join(text.split())[:EXCERPT] or body[:EXCERPT].decode("utf-8", "replace")
