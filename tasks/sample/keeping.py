"""Which prompts are good enough: each filter has a named reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from prefline.prompts import Prompt
from prefline.tables import Rejection

Filter = Callable[[Prompt], str | None]


def empty(prompt: Prompt) -> str | None:
    """Rejects a prompt without text."""
    return None if prompt.text.strip() else "empty"


def broken_unicode(prompt: Prompt) -> str | None:
    """Rejects text that was decoded wrongly somewhere: it holds U+FFFD."""
    return "broken_unicode" if "\ufffd" in prompt.text else None


def longer_than(characters: int) -> Filter:
    """Rejects a conversation of more characters than that."""

    def too_long(prompt: Prompt) -> str | None:
        return "too_long" if len(prompt.text) > characters else None

    return too_long


@dataclass(frozen=True, slots=True)
class Kept:
    """The prompts that passed every filter, by id and each once, and the others with a reason.
    `duplicates` counts exact copies of kept prompts: they share the kept one's id, so they are
    counted and are no rejections of their own."""

    kept: list[Prompt]
    rejected: list[Rejection]
    duplicates: int


def keep(read: Iterable[Prompt | Rejection], max_characters: int) -> Kept:
    """Filter what was read; a row that its reader rejected stays so."""
    filters: list[Filter] = [empty, broken_unicode, longer_than(max_characters)]
    kept: dict[str, Prompt] = {}
    rejected: dict[str, Rejection] = {}
    offered = 0
    for prompt in read:
        offered += 1
        if isinstance(prompt, Rejection):
            rejected[prompt.id] = prompt
            continue
        reason = next((reason for look in filters if (reason := look(prompt))), None)
        if reason is None:
            kept.setdefault(prompt.prompt_id, prompt)
        else:
            excerpt = prompt.text[:80]
            rejected[prompt.prompt_id] = Rejection(
                "sample", "prompt", prompt.prompt_id, reason, excerpt
            )
    ordered = sorted(kept.values(), key=lambda prompt: prompt.prompt_id)
    return Kept(ordered, list(rejected.values()), offered - len(kept) - len(rejected))
