"""The shapes of OpenAI's chat completions: what comes in, what goes out, and errors."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import orjson

from prefline.simulator.draws import key_of

MAX_CHOICES = 128
MAX_TOP_LOGPROBS = 20
# The same request gives the same reply to the byte, so this is no clock.
_CREATED = 1_700_000_000


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A request that the server will answer.

    `key` stands for model, messages and seed, and for nothing else: what a model answers
    does not change with logprobs asked for or with the temperature.
    """

    model: str
    text: str
    last: str
    key: bytes
    n: int
    max_tokens: int | None
    top_logprobs: int | None
    response_format: dict[str, Any] | None

    @property
    def words(self) -> int:
        """Prompt tokens: the words of all messages, split at whitespace."""
        return len(self.text.split())


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error in OpenAI's shape."""

    status: int
    message: str
    type: str = "invalid_request_error"
    code: str | None = None
    param: str | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def body(self) -> bytes:
        """`{"error": {"message", "type", "param", "code"}}`."""
        error = {
            "message": self.message,
            "type": self.type,
            "param": self.param,
            "code": self.code,
        }
        return orjson.dumps({"error": error})


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
        """Completion tokens: the words, split at whitespace."""
        return len(self.text.split()) if self.words is None else self.words


def parse_chat(body: Any, seed: int) -> ChatRequest | Refusal:
    """Check the decoded body of a chat completion; `seed` is the server's own."""
    if not isinstance(body, dict):
        return Refusal(400, "The body is not a JSON object.")
    texts = _texts(body.get("messages"))
    flaw = _flaw(body, texts)
    if flaw:
        return flaw
    named = [seed, body.get("model"), body.get("messages"), body.get("seed")]
    return ChatRequest(
        model=str(body.get("model", "")),
        text="\n".join(texts),
        last=texts[-1],
        key=key_of(orjson.dumps(named, option=orjson.OPT_SORT_KEYS)),
        n=body.get("n") or 1,
        max_tokens=_max_tokens(body),
        top_logprobs=(body.get("top_logprobs") or 0) if body.get("logprobs") else None,
        response_format=body.get("response_format"),
    )


def _flaw(body: dict[str, Any], texts: list[str]) -> Refusal | None:
    """What is wrong with the body, the first of it; None for nothing."""
    n, most, top = body.get("n"), _max_tokens(body), body.get("top_logprobs")
    form = body.get("response_format")
    with_top = bool(body.get("logprobs")) and type(top) is int and 0 <= top <= MAX_TOP_LOGPROBS
    checks = (
        ("messages", bool(texts), "a list of at least one message with role and content"),
        ("n", n is None or (_is_count(n) and n <= MAX_CHOICES), f"from 1 to {MAX_CHOICES}"),
        ("max_tokens", most is None or _is_count(most), "an integer of at least 1"),
        ("stream", not body.get("stream"), "false: this server does not stream"),
        (
            "top_logprobs",
            top is None or with_top,
            f"from 0 to {MAX_TOP_LOGPROBS}, and logprobs true",
        ),
        ("response_format", form is None or isinstance(form, dict), "an object"),
    )
    for param, fine, expected in checks:
        if not fine:
            message = f"Invalid '{param}': it must be {expected}."
            return Refusal(400, message, param=param)
    return None


def _max_tokens(body: dict[str, Any]) -> Any:
    """Under its new name or the old one."""
    return body.get("max_completion_tokens", body.get("max_tokens"))


@dataclass(frozen=True, slots=True)
class Usage:
    """What a bill says: tokens are words.

    `cached_share` of the prompt tokens, rounded down, are from a cache; each choice costs
    `reasoning_tokens` on top of its text's. Where both are 0 there are no details.
    """

    cached_share: float = 0.0
    reasoning_tokens: int = 0

    def bill(self, request: ChatRequest, answers: list[Answer]) -> dict[str, Any]:
        """The `usage` of a chat completion."""
        reasoned = self.reasoning_tokens * len(answers)
        prompt = request.words
        out = reasoned + sum([answer.tokens for answer in answers])
        usage: dict[str, Any] = {
            "prompt_tokens": prompt,
            "completion_tokens": out,
            "total_tokens": prompt + out,
        }
        if self.cached_share or self.reasoning_tokens:
            usage["prompt_tokens_details"] = {"cached_tokens": int(prompt * self.cached_share)}
            usage["completion_tokens_details"] = {"reasoning_tokens": reasoned}
        return usage


_PLAIN = Usage()


def completion(
    request: ChatRequest, answers: list[Answer], usage: Usage = _PLAIN
) -> dict[str, Any]:
    """The body of a chat completion."""
    return {
        "id": f"chatcmpl-{request.key.hex()}",
        "object": "chat.completion",
        "created": _CREATED,
        "model": request.model,
        "choices": [_choice(index, answer) for index, answer in enumerate(answers)],
        "usage": usage.bill(request, answers),
    }


def model_list(names: list[str]) -> dict[str, Any]:
    """The body of `GET /v1/models`."""
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
    """The text of each message; empty if anything is not as it should be."""
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
    return content if isinstance(content, str) else None


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 1
