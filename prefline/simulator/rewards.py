"""A served reward model, by the APIs of vLLM and SGLang as strict as they are.

Written from their documentation and not from `prefline.llm.request`: vLLM's `/pooling` and
`/classify` (https://docs.vllm.ai/en/latest/models/pooling_models/reward/), SGLang's `/classify`
(https://docs.sglang.io/docs/basic_usage/native_api), and `/v1/rewards`, which neither has.
"""

from __future__ import annotations

from typing import Any

from prefline.simulator.truth import candidates_in, sigmoid
from prefline.simulator.wire import ApiError, decode

REWARDER = "sim-reward"
PATHS = ("pooling", "classify", "v1/rewards")
_ROLES = ("system", "user", "assistant", "tool")


def reward_reply(path: str, raw: bytes) -> dict[str, Any]:
    """Return the answer to `POST /<path>`: the planted quality of the last text, as a logit.

    Raises `ApiError` for a request that a server refuses, or for another model.
    """
    body = decode(raw)
    if not isinstance(body, dict):
        raise ApiError(400, "The body is not a JSON object.")
    if path == "classify" and "text" in body:
        return _sglang(body)
    if body.get("model") != REWARDER:
        message = f"The model '{body.get('model')}' does not exist or is no reward model."
        raise ApiError(404, message, code="model_not_found", param="model")
    text = _text(body)
    reward, tokens = _reward(text), len(text.split())
    entry: dict[str, Any] = {"index": 0}
    value = sigmoid(reward) if body.get("use_activation", True) else reward
    if path == "pooling":
        # One vector for each token, of which the last has seen all of them.
        entry |= {"object": "pooling", "data": [[0.0]] * max(0, tokens - 1) + [[value]]}
    elif path == "classify":
        entry |= {"label": "LABEL_0", "probs": [value], "num_classes": 1}
    else:
        entry |= {"object": "reward", "reward": reward}
    usage = {"prompt_tokens": tokens, "total_tokens": tokens, "completion_tokens": 0}
    return {"object": "list", "model": REWARDER, "data": [entry], "usage": usage}


def _sglang(body: dict[str, Any]) -> dict[str, Any]:
    text = body["text"]
    if not isinstance(text, str):
        raise ApiError(400, "Invalid 'text': it must be a string.", param="text")
    tokens = len(text.split())
    return {"embedding": [_reward(text)], "meta_info": {"prompt_tokens": tokens}}


def _text(body: dict[str, Any]) -> str:
    """Return the input, or the messages by the model's chat template."""
    messages, text = body.get("messages"), body.get("input")
    if (messages is None) == (text is None):
        raise ApiError(400, "Give 'messages' or 'input', one of them.", param="messages")
    if text is not None:
        if not isinstance(text, str):
            raise ApiError(400, "Invalid 'input': it must be a string.", param="input")
        return text
    known = isinstance(messages, list) and all(
        isinstance(one, dict) and one.get("role") in _ROLES and isinstance(one.get("content"), str)
        for one in messages
    )
    if not known or not messages or messages[-1]["role"] != "assistant":
        message = "The messages must be of known roles, and end with the answer to score."
        raise ApiError(400, message, param="messages")
    return "\n".join(f"{one['role']}: {one['content']}" for one in messages)


def _reward(text: str) -> float:
    candidates = candidates_in(text)
    return candidates[-1].quality if candidates else 0.0
