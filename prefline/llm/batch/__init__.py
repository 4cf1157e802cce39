"""Batch mode: a provider's Batch API as a slower, cheaper way to fill the reply store.

What a batch did not bring is asked for over the ordinary path.
"""

from prefline.llm.batch.fetch import BatchFetcher
from prefline.llm.batch.segments import Segments

__all__ = ["BatchFetcher", "Segments"]
