"""Requests as an endpoint takes them: its path and headers, and the changes of its dialect.

OpenAI's chat completions are the canonical form, by which replies are stored and found. Another
API, such as Anthropic's, is written from it here, and what it answers is read by `completion.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

from prefline.config import Endpoint
from prefline.config.dialects import RequestChanges
from prefline.llm.delimiters import constant_head
from prefline.llm.request import EmbeddingRequest, Request, RewardRequest
from prefline.tables.messages import uses_tools

# Anthropic caches no less than 512 to 4,096 tokens, by model, and passes over what is shorter.
_LEAST_CACHED = 1_500  # characters
_EPHEMERAL = {"type": "ephemeral"}


class Wire:
    """The form of requests to one endpoint."""

    def __init__(self, endpoint: Endpoint, changes: RequestChanges | None = None) -> None:
        self.endpoint = endpoint
        self.changes = endpoint.changes if changes is None else changes
        self.variant = variant_of(self.changes)
        self.is_anthropic = endpoint.spoken.api == "anthropic"
        self._is_plain = not self.changes and not self.is_anthropic

    def keyed(self, request: Request) -> Request:
        """Return the request with a key that says how it is sent."""
        return request if self.variant is None else request.as_variant(self.variant)

    def encode(self, request: Request) -> bytes:
        """Return the body of a request, as it is sent."""
        if self._is_plain:
            return request.encoded
        return bytes(memoryview(orjson.dumps(self.body(request))))

    def body(self, request: Request) -> dict[str, Any]:
        """Return the JSON body of a request."""
        changes = self.changes
        body = {
            changes.rename.get(name, name): value
            for name, value in request.body.items()
            if name not in changes.omit
        }
        if self.is_anthropic:
            body = _messages_body(body)
        for name, value in changes.extra.items():
            both_hold_more = isinstance(value, dict) and isinstance(body.get(name), dict)
            body[name] = body[name] | value if both_hold_more else value
        return body

    def url(self, base_url: str, request: Request) -> str:
        """Return the URL of a request."""
        if self.endpoint.api_version is not None:
            deployment = f"{base_url}/openai/deployments/{self.endpoint.model}"
            return f"{deployment}{request.path}?api-version={self.endpoint.api_version}"
        if isinstance(request, RewardRequest):
            return f"{base_url.removesuffix('/v1')}{request.path}"
        if self.is_anthropic and not isinstance(request, EmbeddingRequest):
            return f"{base_url}/messages"
        return f"{base_url}{request.path}"

    def models_url(self, base_url: str) -> str:
        """Return the URL of the list of models."""
        if self.endpoint.api_version is not None:
            return f"{base_url}/openai/models?api-version={self.endpoint.api_version}"
        return f"{base_url}/models"


def headers_for(endpoint: Endpoint, key: str | None) -> dict[str, str]:
    """Return the headers that an endpoint wants, with its key, if it has one."""
    spoken = endpoint.spoken
    headers = dict(spoken.headers)
    if key is not None:
        headers[spoken.key_header] = spoken.key_form.format(key=key)
    return headers


def variant_of(changes: RequestChanges) -> str | None:
    """Return what of the changes can change a reply, as JSON; None if nothing can. Another name
    for a parameter cannot."""
    if not changes.omit and not changes.extra:
        return None
    content = {"extra": changes.extra, "omit": sorted(changes.omit)}
    return orjson.dumps(content, option=orjson.OPT_SORT_KEYS).decode()


def variants_of(endpoints: Iterable[Endpoint]) -> dict[str, str]:
    """Return the variants of models, for those that have one."""
    found = {endpoint.model: variant_of(endpoint.changes) for endpoint in endpoints}
    return {model: variant for model, variant in found.items() if variant is not None}


def _messages_body(body: dict[str, Any]) -> dict[str, Any]:
    """Return the body of Anthropic's `POST /messages` for one of a chat completion.

    What is not OpenAI's own stays. The head that judge prompts share is marked to be cached.
    https://platform.claude.com/docs/en/api/messages
    """
    body = dict(body)
    messages = body.pop("messages")
    response_format = body.pop("response_format", None)
    system = [message["content"] for message in messages if message["role"] == "system"]
    turns = [dict(message) for message in messages if message["role"] != "system"]
    if system:
        body["system"] = "\n\n".join(system)
    if uses_tools(turns):
        turns = _turns_of_blocks(turns)
    else:
        _mark_head(turns, sum(len(message["content"]) for message in messages[:-1]))
    body["messages"] = turns
    if "tools" in body:
        body["tools"] = [
            {
                **{name: tool["function"][name] for name in ("name", "description")
                   if name in tool["function"]},
                "input_schema": tool["function"].get("parameters") or {"type": "object"},
            }
            for tool in body["tools"]
        ]  # fmt: skip
    schema = (response_format or {}).get("json_schema", {}).get("schema")
    if schema is not None:
        body["output_config"] = {"format": {"type": "json_schema", "schema": schema}}
    return body


def _turns_of_blocks(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return messages with calls as Anthropic's: a call is a part of the assistant's turn, its
    result one of the user's turn that follows; all results of one turn stand together."""
    turns = list[dict[str, Any]]()
    for message in messages:
        role = "user" if message["role"] == "tool" else message["role"]
        text = [{"type": "text", "text": message["content"]}] if message["content"] else []
        if message["role"] == "tool":
            blocks = [
                {
                    "type": "tool_result",
                    "tool_use_id": message["tool_call_id"],
                    "content": message["content"],
                }
            ]
        else:
            blocks = text + [_tool_use(call) for call in message.get("tool_calls") or ()]
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] += blocks
        else:
            turns.append({"role": role, "content": blocks})
    return turns


def _tool_use(call: dict[str, Any]) -> dict[str, Any]:
    function = call["function"]
    try:
        given = orjson.loads(function["arguments"])
    except orjson.JSONDecodeError:
        given = {"arguments": function["arguments"]}  # a model wrote no JSON, and it must be some
    return {"type": "tool_use", "id": call["id"], "name": function["name"], "input": given}


def _mark_head(turns: list[dict[str, Any]], before: int) -> None:
    """Mark the end of what other requests begin with too, if it is long enough to be cached;
    `before` are the characters in front of the last message."""
    text = turns[-1]["content"]
    head = constant_head(text)
    if head and before + len(head) >= _LEAST_CACHED:
        turns[-1]["content"] = [
            {"type": "text", "text": head, "cache_control": _EPHEMERAL},
            {"type": "text", "text": text[len(head) :]},
        ]
