"""The filter of near duplicates; near.py finds them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pydantic import Field

from prefline.filters.corpus import DuplicateFilter, PromptTexts

if TYPE_CHECKING:
    from prefline.filters.fingerprints import Positions
    from prefline.llm import Engine


class NearDuplicates(DuplicateFilter):
    """Reject prompts that share most of their word sequences with one that is kept. On unless it is
    null."""

    reason = "near_duplicate"

    threshold: float = Field(0.9, gt=0, le=1, description="Jaccard index of the shingles")
    words: int = Field(3, ge=1, description="words and signs in a shingle")
    permutations: int = Field(
        128, ge=16, le=1024, description="numbers of a MinHash signature, which finds candidates"
    )

    def find(
        self,
        texts: PromptTexts,
        n_fixed: int,
        engine: Engine | None,  # noqa: ARG002 -- asks no model
    ) -> tuple[Positions, Positions]:
        """Return near duplicates by the bands of their fingerprints."""
        from prefline.filters.near import find_near_duplicates

        def at(positions: Positions) -> Iterator[str]:
            return (prompt.text for prompt in texts.prompts(positions))

        return find_near_duplicates(texts.fingerprints.bands, at, self, n_fixed)
