"""Requests, replies and errors in the shapes of OpenAI's API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from prefline.simulator.truth import key_of

MAX_CHOICES = 128
MAX_TOP_LOGPROBS = 20
# The same request gives the same reply to the byte, so this is no clock.
_CREATED = 1_700_000_000
_ROLES = ("system", "developer", "user", "assistant", "tool", "function")
_OF_GENRM = ("principle", "response_1", "response_2")  # as Nemotron's chat template names them


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A chat completion request, checked.

    `key` is a hash of model, messages and seed, and of nothing else: the answer does not
    change with the temperature, or with logprobs.
    """

    model: str
    text: str
    last: str
    key: bytes
    n: int
    max_tokens: int | None
    top_logprobs: int | None
    response_format: dict[str, Any] | None
    ranks_two: bool = False
    """Two answers stand in turns of the roles `response_1` and `response_2`."""

    @property
    def words(self) -> int:
        """Return the prompt tokens: the words of all messages, split at whitespace."""
        return len(self.text.split())


class ApiError(Exception):
    """A request that is refused, or made to fail; `body` has OpenAI's shape."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        type: str = "invalid_request_error",  # noqa: A002 - the API's name
        code: str | None = None,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers or {}
        self.body = {
            "error": {"message": message, "type": type, "param": param, "code": code},
        }


class Listed(Protocol):
    """An object of the API that lists can show."""

    @property
    def id(self) -> str:
        """Return its id."""
        ...

    def describe(self) -> dict[str, Any]:
        """Return its JSON object."""
        ...


@dataclass(frozen=True, slots=True)
class Token:
    """A token of an answer and its most likely alternatives, log-probabilities in nats."""

    text: str
    logprob: float
    top: dict[str, float]


@dataclass(frozen=True, slots=True)
class Answer:
    """One choice; `logprobs` only where they were asked for, `words` where they are known."""

    text: str
    finish_reason: str = "stop"
    logprobs: tuple[Token, ...] | None = None
    words: int | None = None

    @property
    def tokens(self) -> int:
        """Return the completion tokens: the words, split at whitespace."""
        return len(self.text.split()) if self.words is None else self.words


def decode(raw: bytes) -> Any:
    """Decode JSON; return None where it is invalid."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None


def parse_chat(body: Any, seed: int) -> ChatRequest:
    """Check the decoded body of a chat completion; `seed` is the server's own.

    Raises `ApiError` that names the first bad parameter.
    """
    if not isinstance(body, dict):
        raise ApiError(400, "The body is not a JSON object.")
    texts = _texts(body.get("messages"))
    _check_params(body, texts)
    ranks_two = _ranks_two([message["role"] for message in body["messages"]])
    content = [seed, body.get("model"), body.get("messages"), body.get("seed")]
    return ChatRequest(
        model=str(body.get("model", "")),
        text="\n".join(texts),
        last=texts[-1],
        key=key_of(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)),
        n=body.get("n") or 1,
        max_tokens=_max_tokens(body),
        top_logprobs=(body.get("top_logprobs") or 0) if body.get("logprobs") else None,
        response_format=body.get("response_format"),
        ranks_two=ranks_two,
    )


def _ranks_two(roles: list[str]) -> bool:
    """Tell whether the turns end as a generative reward model takes them.

    Raises `ApiError` for a role that no chat template knows, and for one answer without the other.
    """
    own = [role for role in roles if role in _OF_GENRM]
    for role in roles:
        if role not in (*_ROLES, *_OF_GENRM):
            raise ApiError(400, f"Invalid role: {role!r}.", param="messages")
    if not own:
        return False
    answers = ["response_1", "response_2"]
    if roles[-len(own) :] != own or own not in (answers, ["principle", *answers]):
        message = "The answers to rank are the last two turns: response_1, then response_2."
        raise ApiError(400, message, param="messages")
    return True


def _check_params(body: dict[str, Any], texts: list[str]) -> None:
    n, max_tokens, top = body.get("n"), _max_tokens(body), body.get("top_logprobs")
    form = body.get("response_format")
    top_in_range = bool(body.get("logprobs")) and type(top) is int and 0 <= top <= MAX_TOP_LOGPROBS
    checks = (
        ("messages", bool(texts), "a list of at least one message with role and content"),
        ("n", n is None or (_is_count(n) and n <= MAX_CHOICES), f"from 1 to {MAX_CHOICES}"),
        ("max_tokens", max_tokens is None or _is_count(max_tokens), "an integer of at least 1"),
        ("stream", not body.get("stream"), "false: this server does not stream"),
        (
            "top_logprobs",
            top is None or top_in_range,
            f"from 0 to {MAX_TOP_LOGPROBS}, and logprobs true",
        ),
        ("response_format", form is None or isinstance(form, dict), "an object"),
    )
    check_all(checks)


def check_all(checks: Sequence[tuple[str, bool, str]]) -> None:
    """Raise `ApiError` for the first failed check of (parameter, valid, expected value)."""
    for param, valid, expected in checks:
        if not valid:
            raise ApiError(400, f"Invalid '{param}': it must be {expected}.", param=param)


def _max_tokens(body: dict[str, Any]) -> Any:
    """Return `max_tokens` under its new name or the old one."""
    return body.get("max_completion_tokens", body.get("max_tokens"))


@dataclass(frozen=True, slots=True)
class Usage:
    """Counts billed tokens, which are words.

    `cached_share` of the prompt tokens, rounded down, are from a cache; each choice costs
    `reasoning_tokens` on top of its text's. Where both are 0 there are no details.
    """

    cached_share: float = 0.0
    reasoning_tokens: int = 0

    def bill(self, request: ChatRequest, answers: list[Answer]) -> dict[str, Any]:
        """Return the `usage` of a chat completion."""
        reasoning = self.reasoning_tokens * len(answers)
        prompt = request.words
        completion = reasoning + sum([answer.tokens for answer in answers])
        usage: dict[str, Any] = {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
        }
        if self.cached_share or self.reasoning_tokens:
            usage["prompt_tokens_details"] = {"cached_tokens": int(prompt * self.cached_share)}
            usage["completion_tokens_details"] = {"reasoning_tokens": reasoning}
        return usage


def completion(request: ChatRequest, answers: list[Answer], usage: Usage) -> dict[str, Any]:
    """Return the body of a chat completion."""
    return {
        "id": f"chatcmpl-{request.key.hex()}",
        "object": "chat.completion",
        "created": _CREATED,
        "model": request.model,
        "choices": [_choice(index, answer) for index, answer in enumerate(answers)],
        "usage": usage.bill(request, answers),
    }


def model_list(names: list[str]) -> dict[str, Any]:
    """Return the body of `GET /v1/models`."""
    shared = {"object": "model", "created": _CREATED, "owned_by": "prefline"}
    return {"object": "list", "data": [{"id": name, **shared} for name in names]}


def _choice(index: int, answer: Answer) -> dict[str, Any]:
    logprobs = None
    if answer.logprobs is not None:
        logprobs = {"content": [_token(token) for token in answer.logprobs], "refusal": None}
    return {
        "index": index,
        "message": {"role": "assistant", "content": answer.text, "refusal": None},
        "logprobs": logprobs,
        "finish_reason": answer.finish_reason,
    }


def _token(token: Token) -> dict[str, Any]:
    def entry(name: str, logprob: float) -> dict[str, Any]:
        return {"token": name, "logprob": logprob, "bytes": list(name.encode())}

    alternatives = [entry(name, logprob) for name, logprob in token.top.items()]
    return {**entry(token.text, token.logprob), "top_logprobs": alternatives}


def _texts(messages: Any) -> list[str]:
    """Return the text of each message; empty if one of them is malformed."""
    if not isinstance(messages, list):
        return []
    texts = [_text(message) for message in messages]
    return [] if None in texts else [text for text in texts if text is not None]


def _text(message: Any) -> str | None:
    if not isinstance(message, dict) or not isinstance(message.get("role"), str):
        return None
    content = message.get("content")
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict)]
        return "\n".join(part for part in parts if isinstance(part, str))
    if content is None and message.get("tool_calls"):
        return ""
    return content if isinstance(content, str) else None


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 1


# Lists in pages


def page(items: Sequence[Listed], after: str | None, limit: int) -> dict[str, Any]:
    """List at most `limit` items that follow the one with id `after` (None: from the first).

    Raises `ApiError` if no item has that id.
    """
    start = 0
    if after:
        start = next((place for place, item in enumerate(items, 1) if item.id == after), 0)
        if not start:
            raise ApiError(400, f"No such object: {after}.", param="after")
    data = [item.describe() for item in items[start : start + limit]]
    return {
        "object": "list",
        "data": data,
        "first_id": data[0]["id"] if data else None,
        "last_id": data[-1]["id"] if data else None,
        "has_more": start + limit < len(items),
    }


def page_limit(query: Mapping[str, str], default: int, maximum: int) -> int:
    """Return the `limit` of a query; raises `ApiError` unless it is from 1 to `maximum`."""
    text = query.get("limit", str(default))
    if text.isascii() and text.isdigit() and 1 <= int(text) <= maximum:
        return int(text)
    raise ApiError(400, f"Invalid 'limit': it must be from 1 to {maximum}.", param="limit")
