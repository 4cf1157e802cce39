"""Conversations: turns, the answer to a prompt, a conversation as text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypedDict

ROLES = ("system", "user", "assistant")


class Message(TypedDict):
    """One turn of a conversation; `role` is one of `ROLES`."""

    role: str
    content: str


Conversation = tuple[Message, ...]


def with_system(messages: Conversation, system: str | None) -> Conversation:
    """Return a conversation with a system prompt before it, unless it has one of its own."""
    if system is None or messages[0]["role"] == "system":
        return messages
    return (Message(role="system", content=system), *messages)


def conversation_of(prompt: Iterable[Message], answer: str) -> Conversation:
    """Return the conversation of `prompt` with `answer` as its last turn."""
    return (*prompt, Message(role="assistant", content=answer))


def without_answer(messages: Sequence[Message]) -> Conversation:
    """Return a conversation without the assistant's turns at its end: what was asked last."""
    end = len(messages)
    while end and messages[end - 1]["role"] == "assistant":
        end -= 1
    return tuple(messages[:end])


def transcript(conversation: Conversation, max_characters: int) -> str:
    """Return a conversation as text, each turn after its role, for models that embed texts.

    Of a longer one the end is kept, since that is where answers differ.
    """
    text = "\n\n".join(f"{turn['role']}: {turn['content']}" for turn in conversation)
    return text[-max_characters:]


def question_of(messages: Sequence[Message]) -> str:
    """Return a prompt as one text; with the speakers' roles where it is a conversation."""
    if len(messages) == 1:
        return messages[0]["content"]
    return "\n".join(f"{turn['role']}: {turn['content']}" for turn in messages)
