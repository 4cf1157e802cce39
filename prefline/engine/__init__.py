"""The request engine: requests in, replies out, nothing paid for twice.

with ReplyStore(folder) as store, Engine(endpoints, params, store) as engine:
    for outcome in engine.answer(requests):
        ...
"""

from prefline.engine.dialogue import Steps
from prefline.engine.engine import Engine
from prefline.engine.opening import open_engine
from prefline.engine.outcome import Failure, Outcome, Reply, bill, bills
from prefline.engine.rehearsal import rehearse
from prefline.engine.replies import ReplyStore
from prefline.engine.request import EmbeddingRequest, Request, Sampling
from prefline.engine.usage import Usage

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
