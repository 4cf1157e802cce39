"""One turn of a conversation."""

from __future__ import annotations

from typing import TypedDict

ROLES = ("system", "user", "assistant")


class Message(TypedDict):
    """The text of one side; `role` is one of `ROLES`."""

    role: str
    content: str
