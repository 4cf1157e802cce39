"""Batch mode: a provider's Batch API as a slower, cheaper way to fill the reply store.

Live calls ask for what a batch did not bring.
"""

from prefline.llm.batch.fetch import BatchFetcher, BatchSegments

__all__ = ["BatchFetcher", "BatchSegments"]
