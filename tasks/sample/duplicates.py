"""An index of prompts, and the duplicates in it: of one form, nearly the same, or in meaning."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from prefline.filters.corpus import DuplicateFilter
from prefline.filters.fingerprints import (
    Fingerprints,
    MinHashParams,
    concatenate,
    fingerprint_texts,
    form_duplicates,
)
from prefline.llm import Engine
from prefline.tables import Rejection
from prefline.tables.prompts import Prompt
from tasks.sample.pool import Ids, Mask, Positions, id_of, number_of

_EXCERPT = 80  # characters


@dataclass(frozen=True, slots=True)
class PromptIndex:
    """Prompts by position: their ids as numbers, their fingerprints, and `prompts`, which gives
    those at rising positions."""

    ids: Ids
    fingerprints: Fingerprints
    prompts: Callable[[Positions], Iterator[Prompt]]

    def __len__(self) -> int:
        return len(self.ids)

    def at(self, positions: Positions) -> PromptIndex:
        """Return the index of the prompts at some positions."""
        return PromptIndex(
            self.ids[positions],
            self.fingerprints.at(positions),
            lambda inner: self.prompts(positions[inner]),
        )

    def followed_by(self, others: PromptIndex) -> PromptIndex:
        """Return the index of these prompts and of others after them."""

        def prompts(positions: Positions) -> Iterator[Prompt]:
            own = positions[positions < len(self)]
            yield from self.prompts(own)
            yield from others.prompts(positions[len(own) :] - len(self))

        ids = np.concatenate([self.ids, others.ids])
        return PromptIndex(ids, concatenate([self.fingerprints, others.fingerprints]), prompts)

    def all(self) -> Iterator[Prompt]:
        """Return every prompt."""
        return self.prompts(np.arange(len(self)))


def index_prompts(prompts: Sequence[Prompt], near: MinHashParams | None) -> PromptIndex:
    """Return the index of prompts that are all in memory, in their order."""
    ids = np.array([number_of(prompt.prompt_id) for prompt in prompts], np.uint64)
    fingerprints = fingerprint_texts([prompt.text for prompt in prompts], near)
    return PromptIndex(
        ids, fingerprints, lambda positions: (prompts[position] for position in positions.tolist())
    )


@dataclass(frozen=True, slots=True)
class Duplicates:
    """The duplicates of an index: their positions, rising, for each the code of its reason in
    `reasons`, and the id of the prompt that stays. `left` says of every position whether it
    stays."""

    positions: Positions
    codes: npt.NDArray[np.int8]
    originals: Ids
    left: Mask
    reasons: tuple[str, ...]

    def by_reason(self) -> Counter[str]:
        """Count the duplicates by reason."""
        counts = np.bincount(self.codes, minlength=len(self.reasons)).tolist()
        return Counter({name: n for name, n in zip(self.reasons, counts, strict=True) if n})


def find_duplicates(
    index: PromptIndex,
    filters: Sequence[DuplicateFilter],
    n_fixed: int = 0,
    engine: Engine | None = None,
) -> Duplicates:
    """Return the duplicates in an index, of one form and by each filter in turn; the first
    `n_fixed` prompts stay."""
    originals = np.arange(len(index))  # the position of what stays for each prompt
    codes = np.zeros(len(index), np.int8)
    reasons = ("", "duplicate", *(duplicate_filter.reason for duplicate_filter in filters))

    duplicates, firsts = form_duplicates(index.fingerprints.forms, n_fixed)
    codes[duplicates], originals[duplicates] = 1, firsts
    for code, duplicate_filter in enumerate(filters, start=2):
        left = np.flatnonzero(codes == 0)
        duplicates, nearest = duplicate_filter.find(index.at(left), n_fixed, engine)
        codes[left[duplicates]], originals[left[duplicates]] = code, left[nearest]
    for _ in reasons:  # the original may be a duplicate for a later reason
        originals = originals[originals]
    positions = np.flatnonzero(codes)
    return Duplicates(
        positions, codes[positions], index.ids[originals[positions]], codes == 0, reasons
    )


def duplicate_rejections(duplicates: Duplicates, index: PromptIndex) -> Iterator[Rejection]:
    """Return a rejection of each duplicate that names the prompt that stays, in index order."""
    prompts = index.prompts(duplicates.positions)
    columns = zip(duplicates.codes.tolist(), duplicates.originals.tolist(), strict=True)
    for prompt, (code, original) in zip(prompts, columns, strict=True):
        detail = f"of {id_of(original)}: {prompt.text[:_EXCERPT]}"
        reason = duplicates.reasons[code]
        yield Rejection("sample", "prompt", prompt.prompt_id, reason, detail)
