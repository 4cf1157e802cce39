"""One turn of a conversation."""

from __future__ import annotations

from typing import TypedDict

ROLES = ("system", "user", "assistant")


class Message(TypedDict):
    """What one side said; `role` is one of `ROLES`."""

    role: str
    content: str
