"""Prompts that say what another one says already: in form, nearly, or in meaning."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain

from prefline.filters.near import near_duplicates
from prefline.filters.same import same
from prefline.params import FilterParams
from prefline.prompts import Prompt
from prefline.tables import Rejection

Prompts = Callable[[], Iterable[Prompt]]
"""Gives prompts by their ids, the same whenever it is called."""

Meaning = Callable[[Iterable[Prompt]], Mapping[str, str]]
"""Of prompts in their order, the ids of those that mean what an earlier one means, and its id."""

Gone = Mapping[str, tuple[str, str]]
"""By id of what goes: the reason, and the id of what stays in its place."""

_EXCERPT = 80  # characters


def nothing() -> tuple[Prompt, ...]:
    """No prompts."""
    return ()


def copies_in(
    prompts: Prompts,
    params: FilterParams,
    standing: Prompts = nothing,
    meaning: Meaning | None = None,
) -> Gone:
    """What of the prompts goes; those that are `standing` stay, and what is like them goes."""
    first = sum(1 for _ in standing())
    gone = dict[str, tuple[str, str]]()

    def left() -> Iterator[Prompt]:
        return chain(standing(), (one for one in prompts() if one.prompt_id not in gone))

    def texts() -> Iterator[tuple[str, str]]:
        return ((one.prompt_id, one.text) for one in left())

    found = same(texts, first)
    gone |= {name: ("duplicate", before) for name, before in found.items()}
    if params.near_duplicates is not None:
        found = near_duplicates(texts, params.near_duplicates, first)
        gone |= {name: ("near_duplicate", before) for name, before in found.items()}
    if meaning is not None:
        found = dict(meaning(one for one in prompts() if one.prompt_id not in gone))
        gone |= {name: ("semantic_duplicate", before) for name, before in found.items()}
    return {name: (reason, _stays(before, gone)) for name, (reason, before) in gone.items()}


def _stays(name: str, gone: Gone) -> str:
    """What stays in the place of one that was itself a copy, in another way."""
    while name in gone:
        name = gone[name][1]
    return name


def rejections_of(gone: Gone, prompts: Prompts) -> list[Rejection]:
    """What goes, as rejections that name what stays."""
    found = []
    for prompt in prompts():
        if prompt.prompt_id in gone:
            reason, before = gone[prompt.prompt_id]
            detail = f"of {before}: {prompt.text[:_EXCERPT]}"
            found.append(Rejection("sample", "prompt", prompt.prompt_id, reason, detail))
    return found
