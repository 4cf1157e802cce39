"""The request engine: requests in, replies out, nothing paid for twice.

with ReplyStore(folder) as store, Engine(endpoints, params, store) as engine:
    for outcome in engine.answer(requests):
        ...
"""

from prefline.llm.conversation import Steps, dry_run
from prefline.llm.engine import Engine, open_engine
from prefline.llm.outcome import Failure, Outcome, Reply, Usage, call_columns
from prefline.llm.replies import ReplyStore
from prefline.llm.request import EmbeddingRequest, Request, Sampling

__all__ = [
    "EmbeddingRequest",
    "Engine",
    "Failure",
    "Outcome",
    "Reply",
    "ReplyStore",
    "Request",
    "Sampling",
    "Steps",
    "Usage",
    "call_columns",
    "dry_run",
    "open_engine",
]
