"""The request engine: requests in, replies out, nothing paid for twice.

with ReplyStore(folder) as store, Engine(endpoints, params, store) as engine:
    for outcome in engine.answer(requests):
        ...
"""

from prefline.llm.dialogue import Steps
from prefline.llm.engine import Engine
from prefline.llm.opening import open_engine
from prefline.llm.outcome import Failure, Outcome, Reply, bill, bills
from prefline.llm.rehearsal import rehearse
from prefline.llm.replies import ReplyStore
from prefline.llm.request import EmbeddingRequest, Request, Sampling
from prefline.llm.usage import Usage

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
    "bill",
    "bills",
    "open_engine",
    "rehearse",
]
