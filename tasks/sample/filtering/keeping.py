"""Which prompts are good enough: what is wrong with each by itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from prefline.config import FilterParams
from prefline.filters.personal import personal_data, redacted
from prefline.ids import content_id
from prefline.tables import Rejection
from prefline.tables.messages import Message
from prefline.tables.prompts import Prompt
from tasks.sample.filtering.by_model import Asking, not_safe
from tasks.sample.filtering.copies import copies_in, rejections_of
from tasks.sample.filtering.crowd import Crowd, crowd_of
from tasks.sample.filtering.faults import Fault

_EXCERPT = 80  # characters


class Sieve:
    """What passes every filter, one by one. `rejected` has the others with a reason, by id,
    `redacted` counts what was taken out of prompts by its kind, and `offered` counts all."""

    def __init__(self, faults: Sequence[Fault], params: FilterParams) -> None:
        self._faults, self._params = faults, params
        self.rejected: dict[str, Rejection] = {}
        self.redacted = Counter[str]()
        self.offered = 0

    def sift(self, read: Iterable[Prompt | Rejection]) -> Iterator[Prompt]:
        """The prompts that pass; a row that its reader rejected stays so."""
        for one in read:
            self.offered += 1
            if isinstance(one, Rejection):
                self.rejected[one.id] = one
                continue
            prompt = self._redacted(one) if self._params.personal == "redact" else one
            found = _fault(prompt, self._faults)
            if found is None:
                yield prompt
            else:
                self.rejected[prompt.prompt_id] = found

    def _redacted(self, prompt: Prompt) -> Prompt:
        """Without personal data; where there was any it is another prompt, with an id of its
        own."""
        messages = list[Message]()
        for message in prompt.messages:
            found = personal_data(message["content"], self._params.phone_region)
            self.redacted.update(one.kind for one in found)
            text = redacted(message["content"], found)
            messages.append(Message(role=message["role"], content=text))
        if tuple(messages) == prompt.messages:
            return prompt
        identity = content_id("prompt", tuple(messages))
        return replace(prompt, messages=tuple(messages), prompt_id=identity)


def _fault(prompt: Prompt, faults: Sequence[Fault]) -> Rejection | None:
    for reason, find in faults:
        said = find(prompt.text)
        if said is not None:
            detail = f"{said}: {prompt.text[:_EXCERPT]}"
            return Rejection("sample", "prompt", prompt.prompt_id, reason, detail)
    return None


@dataclass(frozen=True, slots=True)
class Kept:
    """The prompts that passed every filter, by id and each once, and the others with a reason.
    `duplicates` counts exact copies: they share the first one's id, so they are counted and are no
    rejections of their own."""

    kept: list[Prompt]
    rejected: list[Rejection]
    duplicates: int


def keep(
    read: Iterable[Prompt | Rejection],
    sieve: Sieve,
    params: FilterParams,
    standing: Crowd | None = None,
    asked: Asking = Asking(),  # noqa: B008 -- frozen
) -> Kept:
    """Filter what was read, where it all fits into memory; what is too much like a prompt that is
    `standing` goes too."""
    passed: dict[str, Prompt] = {}
    for prompt in sieve.sift(read):
        passed.setdefault(prompt.prompt_id, prompt)
    duplicates = sieve.offered - len(passed) - len(sieve.rejected)
    prompts = [passed[identity] for identity in sorted(passed)]
    crowd, first = crowd_of(prompts, params.near_duplicates), 0
    if standing is not None:
        crowd, first = standing.and_then(crowd), len(standing)
    copies = copies_in(crowd, params, first, asked.meaning)
    unsafe = not_safe(asked, crowd, np.flatnonzero(copies.left)[first:])
    left = [
        one
        for place, one in enumerate(prompts, start=first)
        if copies.left[place] and place not in unsafe
    ]
    rejected = [*sieve.rejected.values(), *rejections_of(copies, crowd), *unsafe.values()]
    return Kept(left, rejected, duplicates)
