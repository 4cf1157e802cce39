"""What sampling asks of models about prompts, beside evolving them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from prefline.config import Endpoint, SampleParams
from prefline.llm import Engine, Request
from prefline.tables import Rejection
from prefline.tables.prompts import Prompt
from tasks.sample.asking.alike import alike
from tasks.sample.asking.embedded import embedding_requests
from tasks.sample.asking.safety import safety_requests, unsafe
from tasks.sample.drawing.tickets import Places, as_id
from tasks.sample.filtering.copies import Meaning
from tasks.sample.filtering.crowd import Crowd

Safe = Callable[[Iterable[Prompt]], Iterator[tuple[str, str] | None]]
"""Of each prompt the reason why it is not safe, with what was said; None if it is."""


@dataclass(frozen=True, slots=True)
class Asking:
    """Filters that ask a model; None for those that params leave out."""

    meaning: Meaning | None = None
    safety: Safe | None = None


def asking(params: SampleParams, engine: Engine | None) -> Asking:
    """The filters of params that ask a model; none without an engine."""
    semantic, safety = params.filters.semantic_duplicates, params.filters.safety
    if engine is None:
        return Asking()
    return Asking(
        None if semantic is None else partial(alike, engine, semantic),
        None if safety is None else partial(unsafe, engine, safety),
    )


def filter_requests(
    params: SampleParams, prompts: Callable[[], Iterator[Prompt]]
) -> Iterator[tuple[Endpoint, Iterator[Request]]]:
    """What the filters and a diverse mix ask about prompts, at most: each looks at what the one
    before it has left."""
    semantic, safety, diversity = (
        params.filters.semantic_duplicates, params.filters.safety, params.mix.diversity
    )  # fmt: skip
    for rule in (semantic, diversity):
        if rule is not None:
            yield rule.endpoint, embedding_requests(prompts(), rule)
    if safety is not None:
        yield safety.endpoint, safety_requests(prompts(), safety)


def not_safe(asked: Asking, crowd: Crowd, left: Places) -> dict[int, Rejection]:
    """By its place, what goes of the prompts that are left because it is not safe; none where that
    is not asked."""
    if asked.safety is None:
        return {}
    found = zip(left.tolist(), asked.safety(crowd.prompts(left)), strict=True)
    return {
        place: Rejection("sample", "prompt", as_id(int(crowd.ids[place])), *why)
        for place, why in found
        if why is not None
    }
