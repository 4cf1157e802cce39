"""`/v1/batches`: OpenAI's batch API, with the time it takes and its failures planted."""

from prefline.simulator.batch.api import BatchApi

__all__ = ["BatchApi"]
