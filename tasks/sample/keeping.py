"""Which prompts are good enough: each filter has a named reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
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


class Sieve:
    """What passes every filter, one by one. `rejected` has the others with a reason, by id, and
    `offered` counts all."""

    def __init__(self, max_characters: int) -> None:
        self._filters: list[Filter] = [empty, broken_unicode, longer_than(max_characters)]
        self.rejected: dict[str, Rejection] = {}
        self.offered = 0

    def sift(self, read: Iterable[Prompt | Rejection]) -> Iterator[Prompt]:
        """The prompts that pass; a row that its reader rejected stays so."""
        for prompt in read:
            self.offered += 1
            if isinstance(prompt, Rejection):
                self.rejected[prompt.id] = prompt
                continue
            reason = next((reason for look in self._filters if (reason := look(prompt))), None)
            if reason is None:
                yield prompt
            else:
                self.rejected[prompt.prompt_id] = Rejection(
                    "sample", "prompt", prompt.prompt_id, reason, prompt.text[:80]
                )


@dataclass(frozen=True, slots=True)
class Kept:
    """The prompts that passed every filter, by id and each once, and the others with a reason.
    `duplicates` counts exact copies: they share the first one's id, so they are counted and are no
    rejections of their own."""

    kept: list[Prompt]
    rejected: list[Rejection]
    duplicates: int


def keep(read: Iterable[Prompt | Rejection], max_characters: int) -> Kept:
    """Filter what was read, where it all fits into memory."""
    sieve = Sieve(max_characters)
    kept: dict[str, Prompt] = {}
    for prompt in sieve.sift(read):
        kept.setdefault(prompt.prompt_id, prompt)
    ordered = sorted(kept.values(), key=lambda prompt: prompt.prompt_id)
    duplicates = sieve.offered - len(kept) - len(sieve.rejected)
    return Kept(ordered, list(sieve.rejected.values()), duplicates)
