"""A stage's function as a Prefect task."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from prefect import Task, task
from prefect.cache_policies import NO_CACHE

P = ParamSpec("P")
R = TypeVar("R")


def as_task(function: Callable[P, R]) -> Task[P, R]:
    """A task of the function's name. Nothing is cached by Prefect: what is stale is DVC's word,
    and what was paid for is in the reply store."""
    return task(cache_policy=NO_CACHE)(function)
