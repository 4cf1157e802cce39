"""The APIs of providers as strict as they are: what they refuse, and the shapes of their answers.

Written from the providers' documentation and not from `prefline.config.dialects`, so that a client
that is wrong about a provider is refused here as it would be there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

import orjson

from prefline.simulator.faults import KEEP_ALIVE
from prefline.simulator.wire import ApiError, decode

Name = Literal[
    "openai", "openai-reasoning", "anthropic", "gemini", "vllm", "ollama", "openrouter", "azure"
]
ReasoningStyle = Literal["none", "tokens", "reasoning", "reasoning_content", "think", "parts"]

CHAT_PATH = "/v1/chat/completions"
_SAMPLING = {
    "model", "messages", "n", "temperature", "top_p", "max_tokens", "max_completion_tokens",
    "response_format", "stop", "stream", "reasoning_effort", "tools", "tool_choice",
    "presence_penalty", "frequency_penalty",
}  # fmt: skip
_GEMINI = _SAMPLING | {"extra_body"}
_OPENAI = _SAMPLING | {
    "seed", "logprobs", "top_logprobs", "logit_bias", "user", "store", "metadata", "verbosity",
    "service_tier", "parallel_tool_calls",
}  # fmt: skip
_MESSAGES = {
    "model", "messages", "max_tokens", "system", "temperature", "top_p", "top_k", "stop_sequences",
    "stream", "metadata", "thinking", "tools", "tool_choice", "service_tier", "output_config",
    "cache_control",
}  # fmt: skip
_DEPLOYMENT = re.compile(r"/openai/deployments/[^/]+(/.*)")
_THOUGHT = "Let me think. At first sight [[A]] or B, maybe C; but a second look is due. So be it."
_REASONS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}


class Front:
    """A provider's API before the models, which speak OpenAI's as it was in 2024."""

    key_header = "Authorization"
    key_prefix = "Bearer "
    reasoning: ReasoningStyle = "none"
    has_logprobs = True
    knows_seeds = True  # without one, the same request is answered anew each time

    def path(self, path: str, query: Mapping[str, str]) -> str:
        """Return the path under which OpenAI has what is asked for."""
        del query
        return path

    def accept(self, headers: Mapping[str, str], raw: bytes) -> bytes:
        """Return the request as OpenAI's; raises `ApiError` for what the provider refuses."""
        del headers
        return raw

    def encode(self, reply: dict[str, Any], raw: bytes) -> bytes:
        """Return the body of an answer to the request `raw`."""
        del raw
        return orjson.dumps(reply)

    def error(self, error: ApiError) -> Any:
        """Return the content of an error."""
        return error.body


class _OpenAI(Front):
    """Refuses what it does not know."""

    def accept(self, headers: Mapping[str, str], raw: bytes) -> bytes:
        for name in _object(raw):
            if name not in _OPENAI:
                message = f"Unrecognized request argument supplied: {name}"
                raise ApiError(400, message, param=name)
        return raw


class _OpenAIReasoning(_OpenAI):
    """The o-series and GPT-5."""

    reasoning: ReasoningStyle = "tokens"

    def accept(self, headers: Mapping[str, str], raw: bytes) -> bytes:
        body = _object(super().accept(headers, raw))
        if "max_tokens" in body:
            message = (
                "Unsupported parameter: 'max_tokens' is not supported with this model. "
                "Use 'max_completion_tokens' instead."
            )
            raise ApiError(400, message, code="unsupported_parameter", param="max_tokens")
        for name in ("logprobs", "top_logprobs"):
            if body.get(name):
                message = f"Unsupported parameter: '{name}' is not supported with this model."
                raise ApiError(400, message, code="unsupported_parameter", param=name)
        for name in ("temperature", "top_p"):
            if body.get(name, 1) != 1:
                message = (
                    f"Unsupported value: '{name}' does not support {body[name]} with this model. "
                    "Only the default (1) value is supported."
                )
                raise ApiError(400, message, code="unsupported_value", param=name)
        return raw


class _Gemini(Front):
    """Refuses names that it does not know, in a list of one error; serves no log-probabilities."""

    reasoning: ReasoningStyle = "tokens"
    has_logprobs = False
    knows_seeds = False

    def accept(self, headers: Mapping[str, str], raw: bytes) -> bytes:
        for name in _object(raw):
            if name not in _GEMINI:
                message = (
                    f'Invalid JSON payload received. Unknown name "{name}": Cannot find field.'
                )
                raise ApiError(400, message)
        return raw

    def encode(self, reply: dict[str, Any], raw: bytes) -> bytes:
        usage = dict(reply["usage"])
        thoughts = usage.pop("completion_tokens_details", {}).get("reasoning_tokens", 0)
        usage["completion_tokens"] -= thoughts  # and the total has them
        return orjson.dumps({**reply, "usage": usage})

    def error(self, error: ApiError) -> Any:
        message = error.body["error"]["message"]
        status = {400: "INVALID_ARGUMENT", 429: "RESOURCE_EXHAUSTED"}.get(error.status, "UNKNOWN")
        return [{"error": {"code": error.status, "message": message, "status": status}}]


class _VLLM(Front):
    """Answers with `reasoning_content` and with fields of its own."""

    reasoning: ReasoningStyle = "reasoning_content"

    def encode(self, reply: dict[str, Any], raw: bytes) -> bytes:
        choices = [{**choice, "stop_reason": None} for choice in reply["choices"]]
        return orjson.dumps({**reply, "choices": choices, "prompt_logprobs": None})


class _Ollama(Front):
    """Answers with `reasoning`, without log-probabilities."""

    reasoning: ReasoningStyle = "reasoning"
    has_logprobs = False


class _OpenRouter(Front):
    """Sends comments before the JSON, and names both its finish reason and the provider's."""

    reasoning: ReasoningStyle = "reasoning"

    def encode(self, reply: dict[str, Any], raw: bytes) -> bytes:
        choices = [
            {**choice, "native_finish_reason": str(choice["finish_reason"]).upper()}
            for choice in reply["choices"]
        ]
        usage = {**reply["usage"], "cost": 0.0001, "is_byok": False}
        return KEEP_ALIVE + orjson.dumps({**reply, "choices": choices, "usage": usage})


class _Azure(_OpenAI):
    """Two forms of paths, a key of its own header, and results of its content filter."""

    key_header = "api-key"
    key_prefix = ""

    def path(self, path: str, query: Mapping[str, str]) -> str:
        if path.startswith("/openai/v1/"):
            return path.removeprefix("/openai")
        if not path.startswith("/openai/"):
            return "/unknown" if path.startswith("/v1/") else path
        deployment = _DEPLOYMENT.fullmatch(path)
        if "api-version" not in query:
            return "/unknown"
        return f"/v1{deployment.group(1) if deployment else path.removeprefix('/openai')}"

    def encode(self, reply: dict[str, Any], raw: bytes) -> bytes:
        safe = {"hate": {"filtered": False, "severity": "safe"}}
        choices = [{**choice, "content_filter_results": safe} for choice in reply["choices"]]
        prompts = [{"prompt_index": 0, "content_filter_results": safe}]
        return orjson.dumps({**reply, "choices": choices, "prompt_filter_results": prompts})


class _Anthropic(Front):
    """The Messages API."""

    key_header = "x-api-key"
    key_prefix = ""
    has_logprobs = False
    knows_seeds = False

    def path(self, path: str, query: Mapping[str, str]) -> str:
        if path == "/v1/messages":
            return CHAT_PATH
        return "/unknown" if path == CHAT_PATH else path

    def accept(self, headers: Mapping[str, str], raw: bytes) -> bytes:
        if "anthropic-version" not in headers:
            raise ApiError(400, "anthropic-version: header is required")
        body = _object(raw)
        _check_messages(body)
        messages = [{**turn, "content": _joined(turn["content"])} for turn in body["messages"]]
        if body.get("system"):
            messages.insert(0, {"role": "system", "content": _joined(body["system"])})
        plain = {"model": body["model"], "messages": messages, "max_tokens": body["max_tokens"]}
        schema = body.get("output_config", {}).get("format", {}).get("schema")
        if schema is not None:
            schema = {"name": "output", "schema": schema}
            plain["response_format"] = {"type": "json_schema", "json_schema": schema}
        return orjson.dumps(plain)

    def encode(self, reply: dict[str, Any], raw: bytes) -> bytes:
        return orjson.dumps(messages_reply(reply, _object(raw)))

    def error(self, error: ApiError) -> Any:
        kinds = {401: "authentication_error", 403: "permission_error", 404: "not_found_error",
                 429: "rate_limit_error", 500: "api_error", 529: "overloaded_error"}  # fmt: skip
        kind = kinds.get(error.status, "invalid_request_error")
        return {"type": "error", "error": {"type": kind, "message": error.body["error"]["message"]}}


def messages_reply(reply: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    """Return a completion as a message of Anthropic's, with its thinking where it was asked for."""
    choice, usage = reply["choices"][0], reply["usage"]
    message, blocks, spent = choice["message"], list[dict[str, Any]](), usage["completion_tokens"]
    if body.get("thinking", {}).get("type") in ("enabled", "adaptive"):
        blocks.append({"type": "thinking", "thinking": _THOUGHT, "signature": "c2lnbmVk"})
        spent += len(_THOUGHT.split())
    if message["content"]:
        blocks.append({"type": "text", "text": message["content"]})
    reason = "refusal" if message.get("refusal") else choice["finish_reason"]
    cached = len(_cached_text(body).split())
    return {
        "id": reply["id"].replace("chatcmpl-", "msg_"),
        "type": "message",
        "role": "assistant",
        "model": reply["model"],
        "content": blocks,
        "stop_reason": _REASONS.get(reason, reason),
        "stop_sequence": None,
        "usage": {
            "input_tokens": usage["prompt_tokens"] - cached,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": cached,
            "output_tokens": spent,
        },
    }


def with_reasoning(reply: dict[str, Any], style: ReasoningStyle) -> dict[str, Any]:
    """Return a completion with reasoning before its answer, which is billed."""
    tokens = len(_THOUGHT.split())
    usage, n = dict(reply["usage"]), len(reply["choices"])
    for name in ("completion_tokens", "total_tokens"):
        usage[name] += tokens * n
    details = dict(usage.get("completion_tokens_details", {}))
    details["reasoning_tokens"] = details.get("reasoning_tokens", 0) + tokens * n
    usage["completion_tokens_details"] = details
    choices = [_with_reasoning(choice, style) for choice in reply["choices"]]
    return {**reply, "choices": choices, "usage": usage}


def _with_reasoning(choice: dict[str, Any], style: ReasoningStyle) -> dict[str, Any]:
    message = dict(choice["message"])
    if style in ("reasoning", "reasoning_content"):
        message[style] = _THOUGHT
    elif style == "think":
        message["content"] = f"<think>\n{_THOUGHT}\n</think>\n\n{message['content']}"
    elif style == "parts":
        message["content"] = [
            {"type": "thinking", "thinking": [{"type": "text", "text": _THOUGHT}]},
            {"type": "text", "text": message["content"]},
        ]
    return {**choice, "message": message}


def _check_messages(body: dict[str, Any]) -> None:
    """Raise `ApiError` for what the Messages API refuses."""
    thinking = body.get("thinking") or {}
    thinks = thinking.get("type") in ("enabled", "adaptive")
    temperature, max_tokens = body.get("temperature", 1), body.get("max_tokens")
    unknown = next((name for name in body if name not in _MESSAGES), None)
    turns = body.get("messages") or []
    roles = [turn.get("role") for turn in turns]
    checks = (
        (unknown is None, f"{unknown}: Extra inputs are not permitted"),
        (
            not {"temperature", "top_p"} <= body.keys(),
            "`temperature` and `top_p` cannot both be specified for this model. Please use only "
            "one.",
        ),
        (isinstance(max_tokens, int), "max_tokens: Field required"),
        (0 <= temperature <= 1, "temperature: range: 0..1"),
        (
            not thinks or temperature == 1,
            "`temperature` may only be set to 1 when thinking is enabled.",
        ),
        (
            thinking.get("budget_tokens", 0) < (max_tokens or 0),
            "`max_tokens` must be greater than `thinking.budget_tokens`.",
        ),
        (bool(turns), "messages: at least one message is required"),
        (set(roles) <= {"user", "assistant"}, f"messages: Unexpected role in {roles}"),
    )
    for holds, message in checks:
        if not holds:
            raise ApiError(400, message)


def _cached_text(body: dict[str, Any]) -> str:
    """Return the text before the mark of a cache, where there is one."""
    for turn in reversed(body["messages"]):
        if isinstance(turn["content"], list):
            marked = [part["text"] for part in turn["content"] if "cache_control" in part]
            if marked:
                return "".join(marked)
    return ""


def _joined(content: Any) -> str:
    return (
        content if isinstance(content, str) else "".join(part.get("text", "") for part in content)
    )


def _object(raw: bytes) -> dict[str, Any]:
    body = decode(raw)
    if not isinstance(body, dict):
        raise ApiError(400, "The body is not a JSON object.")
    return body


_FRONTS: dict[Name, type[Front]] = {
    "openai": _OpenAI, "openai-reasoning": _OpenAIReasoning, "anthropic": _Anthropic,
    "gemini": _Gemini, "vllm": _VLLM, "ollama": _Ollama, "openrouter": _OpenRouter,
    "azure": _Azure,
}  # fmt: skip


def front_of(name: Name | None) -> Front:
    """Return the API that a provider shows."""
    return Front() if name is None else _FRONTS[name]()
