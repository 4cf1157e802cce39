"""Requests for the engine's tests."""

from __future__ import annotations

from typing import Any

from prefline.llm import Request, Sampling
from prefline.tables.messages import Message


def ask(
    text: str,
    *,
    model: str = "sim-strong",
    seed: int = 0,
    index: int = 0,
    top_p: float = 1.0,
    **more: Any,
) -> Request:
    """A request for a short reply to `text`."""
    return Request(
        model=model,
        messages=(Message(role="user", content=text),),
        sampling=Sampling(temperature=0.8, top_p=top_p, max_tokens=20, seed=seed),
        sample_index=index,
        tag=text,
        **more,
    )
