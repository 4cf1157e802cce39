"""Embeddings of simulated texts: noise that only the text decides, and its planted quality along
one direction, so that a reward head has something to find."""

from __future__ import annotations

import hashlib
import struct
from typing import Any

from prefline.simulator.answers import decoded
from prefline.simulator.truth import candidates_in
from prefline.simulator.wire import Refusal

EMBEDDER = "sim-embedder"
DIMENSIONS = 16
_PER_WORD = 2**31
_NOISE = 0.5  # of each number, evenly from minus to plus that


def embedding_reply(raw: bytes) -> dict[str, Any] | Refusal:
    """The body of an answer to `POST /embeddings`: one vector of `DIMENSIONS` numbers, of which the
    first grows with the quality of the last simulated text in the input."""
    body = decoded(raw)
    if not isinstance(body, dict) or not isinstance(body.get("input"), str):
        return Refusal(400, "Invalid 'input': it must be a string.", param="input")
    if body.get("model") != EMBEDDER:
        message = f"The model '{body.get('model')}' does not exist or gives no embeddings."
        return Refusal(404, message, code="model_not_found", param="model")
    tokens = len(body["input"].split())
    return {
        "object": "list",
        "model": EMBEDDER,
        "data": [{"object": "embedding", "index": 0, "embedding": vector_of(body["input"])}],
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }


def vector_of(text: str) -> list[float]:
    """The embedding of a text."""
    digest = hashlib.blake2b(text.encode(), digest_size=4 * DIMENSIONS).digest()
    noise = [_NOISE * (word / _PER_WORD - 1.0) for word in struct.unpack(f"<{DIMENSIONS}I", digest)]
    found = candidates_in(text)
    noise[0] += found[-1].quality if found else 0.0
    return noise
