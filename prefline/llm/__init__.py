"""The request engine: requests in, replies out, nothing paid for twice.

with ReplyStore(folder) as store, Engine(endpoints, params, store) as engine:
    for outcome in engine.answer(requests):
        ...
"""

from typing import TYPE_CHECKING

from prefline.lazy import lazy_names

if TYPE_CHECKING:
    from prefline.llm.conversation import dry_run
    from prefline.llm.engine import Engine, open_engine
    from prefline.llm.outcome import Failure, Outcome, Reply, Steps, Usage, call_columns
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

__getattr__ = lazy_names(
    __name__,
    {
        "conversation": ["dry_run"],
        "engine": ["Engine", "open_engine"],
        "outcome": ["Failure", "Outcome", "Reply", "Steps", "Usage", "call_columns"],
        "replies": ["ReplyStore"],
        "request": ["EmbeddingRequest", "Request", "Sampling"],
    },
)
