"""The request engine: requests in, replies out, nothing paid for twice.

with Engine(endpoints, limits, ReplyStore(folder)) as engine:
    outcomes = engine.run(requests)
"""

from prefline.engine.engine import Engine
from prefline.engine.opening import open_engine
from prefline.engine.request import Failure, Outcome, Reply, Request, Sampling
from prefline.engine.store import ReplyStore

__all__ = [
    "Engine",
    "Failure",
    "Outcome",
    "Reply",
    "ReplyStore",
    "Request",
    "Sampling",
    "open_engine",
]
