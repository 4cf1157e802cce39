"""Conversations, as reward models read them: a prompt with an answer to it."""

from __future__ import annotations

from collections.abc import Iterable

from prefline.tables.messages import Message

Conversation = tuple[Message, ...]


def conversation_of(prompt: Iterable[Message], answer: str) -> Conversation:
    """Return the conversation of `prompt` with `answer` as its last turn."""
    return (*prompt, Message(role="assistant", content=answer))


def transcript(conversation: Conversation, max_characters: int) -> str:
    """Return a conversation as text, for models that embed texts: each turn after its role.

    Of a longer one the end is kept, since that is where answers differ.
    """
    text = "\n\n".join(f"{turn['role']}: {turn['content']}" for turn in conversation)
    return text[-max_characters:]
