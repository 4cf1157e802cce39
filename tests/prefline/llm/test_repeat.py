from __future__ import annotations

from contextvars import ContextVar
from queue import SimpleQueue

from prefline.llm.repeat import repeated

_SERVER = ContextVar("server", default="another one")


def test_the_action_sees_what_its_caller_has_set() -> None:
    """Prefect's settings lie in a context variable: without them it starts a server of its own."""
    seen = SimpleQueue[str]()
    _SERVER.set("the flow's")
    with repeated(lambda: seen.put(_SERVER.get()), 0.001):
        assert seen.get(timeout=10) == "the flow's"
